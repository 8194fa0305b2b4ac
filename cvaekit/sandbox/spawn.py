"""Start a worker: from the fork to the first line of a submission."""

import json
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cvaekit.sandbox import lockdown, preload, wire, worker

ENGINE = Path(__file__).resolve().parents[1]
# The engine is loaded from its own file, and never found by name: another copy may be installed.
_BOOT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("cvaekit", sys.argv[1] + "/__init__.py")
sys.modules["cvaekit"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["cvaekit"])
from cvaekit.sandbox.{module} import main
main(int(sys.argv[2]))
"""


def command(module: str, descriptor: int) -> list[str]:
    """Return the command line of a zygote or cold worker, which imports nothing from its working directory.

    Not -I, which would also ignore PYTHONHASHSEED; the environment is made by the grader, and names no folder.
    """
    return [sys.executable, "-P", "-s", "-X", "utf8", "-c", _BOOT.format(module=module), str(ENGINE), str(descriptor)]


@dataclass(frozen=True)
class Spawn:
    """A worker to be: its ends of socket and output pipe, the zygote's process id, the seed of its random numbers."""

    frames: int
    output: int
    parent: int
    seed: int

    def warm(self, locks: lockdown.Locks, probes: Mapping[str, worker.Probe]) -> NoReturn:
        """Turn this fork of the zygote into a worker."""
        lockdown.become_leader(self.parent)
        self._redirect()
        kept = {0, 1, 2, self.frames}
        lockdown.keep_only(kept if locks.ruleset is None else kept | {locks.ruleset})
        become_worker(socket.socket(fileno=self.frames), self.seed, locks, probes)

    def cold(self, request: dict[str, Any]) -> NoReturn:
        """Start a worker in a fresh interpreter: a process that has touched CUDA, or will, is never forked."""
        lockdown.become_leader(self.parent)
        self._redirect()
        lockdown.keep_only({0, 1, 2, self.frames})
        os.set_inheritable(self.frames, True)
        environment = dict(os.environ)
        if request["device"] == "cuda":
            del environment["CUDA_VISIBLE_DEVICES"]
            environment |= request["gpu_environment"]
        os.environ.clear()
        arguments = command("cold_worker", self.frames)
        os.execve(arguments[0], [*arguments, json.dumps(request | {"zygote": self.parent})], environment)

    def _redirect(self) -> None:
        for standard in (1, 2):
            os.dup2(self.output, standard)


def become_worker(
    frames: socket.socket, seed: int, locks: lockdown.Locks, probes: Mapping[str, worker.Probe]
) -> NoReturn:
    """Lock this process, report that, and answer questions. The report is sent before any line of a submission runs."""
    worker.reseed(seed)
    try:
        lockdown.apply(locks)
        state: dict[str, Any] = {"ready": True}
    except lockdown.LayerFailed as failure:
        state = {"failed": str(failure)}
    frames.sendall(b"".join(wire.pack_raw(state, [])))
    if "failed" in state:
        os._exit(71)
    worker.serve(frames, probes)


def cold_main(descriptor: int) -> NoReturn:
    """Run a cold worker: it imports what the zygote imports, and computes nothing, which would open the GPU."""
    request = json.loads(sys.argv.pop())
    if os.getppid() != request["zygote"]:
        os._exit(1)
    sys.path += [folder for folder in request["packages"] if folder not in sys.path]
    preload.import_torch()
    preload.import_packages(request["preload"])
    probes = preload.load_probes(request["probes"], request["kit"])
    become_worker(socket.socket(fileno=descriptor), request["seed"], cold_locks(request), probes)


def cold_locks(request: dict[str, Any]) -> lockdown.Locks:
    gpu = request["device"] == "cuda"
    ruleset, filters = None, False
    if sys.platform == "linux":
        from cvaekit.sandbox import allowed_paths, landlock, linux, seccomp

        if not gpu:  # the driver reads /proc/self, which would belong to root
            linux.prctl(linux.PR_SET_DUMPABLE, 0)
        abi = landlock.abi()
        if "landlock" in request["layers"] and isinstance(abi, int):
            paths = allowed_paths.read_paths(request["hidden"], Path(request["private"]), gpu=gpu)
            ruleset = landlock.ruleset(min(abi, request["abi"]), paths, allowed_paths.write_paths(gpu=gpu))
        filters = "seccomp" in request["layers"] and seccomp.available()
    return lockdown.Locks(ruleset, filters, memory=not gpu)
