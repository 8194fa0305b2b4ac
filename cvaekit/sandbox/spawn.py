"""Turn a fork of the zygote into a locked worker, or start one in a new interpreter."""

import json
import os
import socket
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from cvaekit.sandbox import lockdown, preload, wire, worker

# Variables that name folders in which libraries write.
FOLDERS = ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR")
ENGINE = Path(__file__).resolve().parents[1]
# The engine is imported from this path, never by searching sys.path, where another copy may be installed.
_BOOT = """
import importlib.util, sys
spec = importlib.util.spec_from_file_location("cvaekit", sys.argv[1] + "/__init__.py")
sys.modules["cvaekit"] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(sys.modules["cvaekit"])
from cvaekit.sandbox.{module} import main
main(int(sys.argv[2]))
"""


def command(module: str, descriptor: int) -> list[str]:
    """Return the command line that runs `main(descriptor)` of the sandbox's `module` in a new interpreter.

    It imports nothing from the working directory and the user's folder. -I would also ignore PYTHONHASHSEED.
    """
    return [sys.executable, "-P", "-s", "-X", "utf8", "-c", _BOOT.format(module=module), str(ENGINE), str(descriptor)]


@dataclass(frozen=True)
class Spawn:
    """What a worker starts with: descriptors of its socket and of its output pipe, the zygote's process id, a seed, and
    the folder that it may write in."""

    frames: int
    output: int
    parent: int
    seed: int
    folder: Path

    def run_in_fork(self, locks: lockdown.Locks, probes: Mapping[str, worker.Probe]) -> NoReturn:
        """Run a worker in this process, a fork of the zygote."""
        lockdown.become_session_leader(self.parent)
        self._redirect()
        lockdown.keep_only({0, 1, 2, self.frames} | ({locks.ruleset} if locks.ruleset is not None else set()))
        run_worker(socket.socket(fileno=self.frames), self.seed, locks, self.folder, probes)

    def run_in_new_interpreter(self, request: dict[str, Any]) -> NoReturn:
        """Replace this fork of the zygote by a new interpreter with a worker, as CUDA does not work in a fork."""
        lockdown.become_session_leader(self.parent)
        self._redirect()
        lockdown.keep_only({0, 1, 2, self.frames})
        os.set_inheritable(self.frames, True)
        environment = dict(os.environ)
        if request["device"] == "cuda":
            del environment["CUDA_VISIBLE_DEVICES"]
            environment |= request["gpu_environment"]
        os.environ.clear()
        arguments = command("cold_worker", self.frames)
        request |= {"zygote": self.parent, "folder": str(self.folder)}
        os.execve(arguments[0], [*arguments, json.dumps(request)], environment)

    def _redirect(self) -> None:
        """Send stdout and stderr to the grader."""
        for standard in (1, 2):
            os.dup2(self.output, standard)


def run_worker(
    frames: socket.socket, seed: int, locks: lockdown.Locks, folder: Path, probes: Mapping[str, worker.Probe]
) -> NoReturn:
    """Lock this process, tell the grader the result, and answer questions. No code of a submission has run before."""
    worker.reseed(seed)
    try:
        _settle(folder)
        lockdown.apply(locks, folder)
        state: dict[str, Any] = {"ready": True}
    except lockdown.LayerFailed as failure:
        state = {"failed": str(failure)}
    frames.sendall(b"".join(wire.pack_raw(state, [])))
    if "failed" in state:
        os._exit(71)
    worker.answer_requests(frames, probes)


def _settle(folder: Path) -> None:
    """Make `folder` the place where this process works and where libraries write."""
    os.chdir(folder)
    os.environ |= dict.fromkeys(FOLDERS, str(folder))
    tempfile.tempdir = str(folder)


def run_cold_worker(descriptor: int) -> NoReturn:
    """Import what the zygote imports, and run a worker. Nothing is computed before, since that would open the GPU."""
    request = json.loads(sys.argv.pop())
    if os.getppid() != request["zygote"]:
        os._exit(1)
    sys.path += [folder for folder in request["packages"] if folder not in sys.path]
    preload.import_torch()
    preload.import_packages(request["preload"])
    probes = preload.load_probes(request["probes"], request["kit"])
    folder = Path(request["folder"])
    run_worker(socket.socket(fileno=descriptor), request["seed"], _cold_locks(request), folder, probes)


def _cold_locks(request: dict[str, Any]) -> lockdown.Locks:
    """Return the locks of a cold worker, which cannot inherit the zygote's ruleset: a GPU needs more paths."""
    gpu = request["device"] == "cuda"
    ruleset, abi, filters = None, 0, False
    if sys.platform == "linux":
        from cvaekit.sandbox import allowed_paths, landlock, linux, seccomp

        if not gpu:  # a GPU's driver reads /proc/self, which belongs to root in a process that is not dumpable
            linux.prctl(linux.PR_SET_DUMPABLE, 0)
        offered = landlock.abi()
        if "landlock" in request["layers"] and isinstance(offered, int):
            abi = min(offered, request["abi"])
            paths = allowed_paths.read_paths(request["hidden"], Path(request["private"]), gpu=gpu)
            write = allowed_paths.write_paths(gpu=gpu)
            ruleset = landlock.ruleset(abi, paths, write, Path(request["folder"]).parent)
        filters = "seccomp" in request["layers"] and seccomp.available()
    return lockdown.Locks(ruleset, abi, filters, gpu)
