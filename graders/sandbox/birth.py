"""From the fork to the first line of a submission: descriptors, seed, locks, and the word that the worker is ready."""

import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from graders.sandbox import lockdown, warmup, wire, worker

_BOOT = (
    "import sys; sys.path.append(sys.argv[1]); "
    "from graders.sandbox.{module} import main; sys.path.remove(sys.argv[1]); main(int(sys.argv[2]))"
)


def command(module: str, kit: str, descriptor: int) -> list[str]:
    """The command line of a process of ours: nothing of the folder it is in or of a user's own packages is imported.

    Not -I, which would also ignore PYTHONHASHSEED; the environment is of our making, and names no folder.
    """
    return [sys.executable, "-P", "-s", "-X", "utf8", "-c", _BOOT.format(module=module), kit, str(descriptor)]


@dataclass(frozen=True)
class Birth:
    """The child's ends of its socket and output pipe, the zygote's process id, and the seed of its random numbers."""

    frames: int
    output: int
    parent: int
    seed: int

    def warm(self, locks: lockdown.Locks, probes: Mapping[str, worker.Probe]) -> NoReturn:
        """Become a worker in this fork of the zygote."""
        lockdown.become_leader(self.parent)
        self._redirect()
        kept = {0, 1, 2, self.frames}
        lockdown.keep_only(kept if locks.ruleset is None else kept | {locks.ruleset})
        become(socket.socket(fileno=self.frames), self.seed, locks, probes)

    def cold(self, request: dict[str, Any]) -> NoReturn:
        """Start over in a fresh interpreter: a process that has touched CUDA is never forked, nor one that will."""
        lockdown.become_leader(self.parent)
        self._redirect()
        lockdown.keep_only({0, 1, 2, self.frames})
        os.set_inheritable(self.frames, True)
        environment = dict(os.environ)
        if request["device"] == "cuda":
            del environment["CUDA_VISIBLE_DEVICES"]
            environment |= request["gpu_environment"]
        os.environ.clear()
        arguments = command("cold", request["kit"], self.frames)
        os.execve(arguments[0], [*arguments, json.dumps(request | {"zygote": self.parent})], environment)

    def _redirect(self) -> None:
        for standard in (1, 2):
            os.dup2(self.output, standard)


def become(frames: socket.socket, seed: int, locks: lockdown.Locks, probes: Mapping[str, worker.Probe]) -> NoReturn:
    """Lock this process, say so, and serve. The word comes before any line of the submission, so it can be believed."""
    worker.reseed(seed)
    try:
        lockdown.apply(locks)
        word: dict[str, Any] = {"ready": True}
    except lockdown.LayerFailed as failure:
        word = {"failed": str(failure)}
    frames.sendall(b"".join(wire.pack_raw(word, [])))
    if "failed" in word:
        os._exit(71)
    worker.serve(frames, probes)


def cold_main(descriptor: int) -> NoReturn:
    """What a cold worker runs: the zygote's imports, but none of its computing, which would open the GPU."""
    request = json.loads(sys.argv.pop())
    if os.getppid() != request["zygote"]:
        os._exit(1)
    sys.path += [folder for folder in request["packages"] if folder not in sys.path]
    warmup.import_torch()
    warmup.preload(request["preload"])
    probes = warmup.load_probes(Path(request["probes"]))
    become(socket.socket(fileno=descriptor), request["seed"], cold_locks(request), probes)


def cold_locks(request: dict[str, Any]) -> lockdown.Locks:
    gpu = request["device"] == "cuda"
    ruleset, filters = None, False
    if sys.platform == "linux":
        from graders.sandbox import landlock, linux, readable, seccomp

        if not gpu:  # the driver reads /proc/self, which would belong to root
            linux.prctl(linux.PR_SET_DUMPABLE, 0)
        abi = landlock.abi()
        if "landlock" in request["layers"] and isinstance(abi, int):
            paths = readable.read_paths(Path(request["kit"]), Path(request["private"]), gpu=gpu)
            ruleset = landlock.ruleset(min(abi, request["abi"]), paths, readable.write_paths(gpu=gpu))
        filters = "seccomp" in request["layers"] and seccomp.available()
    return lockdown.Locks(ruleset, filters, memory=not gpu)
