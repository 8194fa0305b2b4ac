"""The grader's side: one zygote, connections to it, and the isolation that its workers have shown to have."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, Self

from cvaekit.sandbox import control
from cvaekit.sandbox.failures import SandboxError
from cvaekit.sandbox.self_test import Isolation, examine
from cvaekit.sandbox.spawn import ENGINE, command
from cvaekit.sandbox.worker_handle import Worker

LAYERS = frozenset({"landlock", "seccomp"})
START_SECONDS = 180.0  # to import torch on a machine that is busy, with nothing in its page cache
REPLY_SECONDS = 60.0  # for the zygote to fork; it may have to import what a submission imports
_GPU_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES")


def harden_grader() -> None:
    """Keep other processes of the same user out of this one's memory (Linux). Call it before anything is graded."""
    if sys.platform == "linux":
        from cvaekit.sandbox import linux

        linux.prctl(linux.PR_SET_DUMPABLE, 0)


class Connection:
    """A control connection to the zygote. Made by `Sandbox.connect` before a fork, and used by the forked process.

    When the process that uses it ends, the zygote kills every worker that was started through it.
    """

    def __init__(self, peer: socket.socket, sandbox: "Sandbox"):
        peer.settimeout(REPLY_SECONDS)
        self._peer, self._sandbox = peer, sandbox
        self._lock = threading.Lock()

    @property
    def probes(self) -> dict[str, list[str]]:
        """Names that workers can be asked for."""
        return self._sandbox.probes

    def worker(
        self, source: bytes, filename: str, *, seed: int = 0, preload: Sequence[str] = (), device: str = "cpu"
    ) -> Worker:
        """A fresh locked process that imports `source` when it is first asked. SandboxError if there is none to have.

        preload: top-level names that the source imports; those on a fixed list are imported ahead of it.
        device: "cpu" forks the warm zygote; "cuda" starts cold, with the GPU's device files open to it.
        """
        return Worker(self, source, filename, seed=seed, preload=preload, device=device)

    def request(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """Ask the zygote; SandboxError when it is gone or could not do it."""
        self._sandbox.wait_ready()
        with self._lock:
            try:
                control.send(self._peer, message, descriptors)
                reply = control.receive(self._peer)[0]
            except BaseException as error:
                self._peer.close()  # what was asked may still be answered; with this the zygote ends what is ours
                if isinstance(error, (EOFError, OSError)):
                    raise SandboxError(f"the zygote is gone ({type(error).__name__})") from None
                raise
        if "error" in reply:
            raise SandboxError(f"the zygote could not {message['op']} a worker: {reply['error']}")
        return reply

    def close(self) -> None:
        self._peer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Sandbox(Connection):
    """Owns one zygote, which loads torch and the probes of the file `probes` while the grader does the same.

    kit: the folder from which the probes import, and of which a worker reads nothing.

    Use it as a context manager, from a thread that lives as long: the zygote ends with the thread that started it.
    layers, landlock_abi: less than all of them simulates a machine that has less (for tests).
    """

    def __init__(self, probes: Path, kit: Path, *, layers: frozenset[str] = LAYERS, landlock_abi: int = 99):
        if os.name != "posix":
            raise SandboxError("submissions cannot be run safely on Windows itself; use WSL2, where everything works")
        mine, theirs = socket.socketpair()
        self._owner = os.getpid()
        self._ready: dict[str, Any] = {}
        self._ready_lock = threading.Lock()
        try:
            with theirs:
                self._process = _exec(theirs)
        except BaseException:
            mine.close()
            raise
        super().__init__(mine, self)
        message = {"probes": str(probes.resolve()), "layers": sorted(layers), "abi": landlock_abi, "kit": str(kit)}
        hidden = [ENGINE, *(kit / part for part in ("graders", "reference", "assignments", "tests"))]
        message |= {"hidden": list(map(str, hidden)), "packages": _package_folders(), "grader": self._owner}
        message |= {"gpu_environment": {key: os.environ[key] for key in _GPU_ENVIRONMENT if key in os.environ}}
        try:
            control.send(mine, message)
        except OSError:
            self._failed_start()

    @cached_property
    def isolation(self) -> Isolation:
        """What a worker can and cannot do here, as tried out inside one. Waits until the zygote is ready."""
        return examine(self, self.wait_ready()["layers"])

    @property
    def probes(self) -> dict[str, list[str]]:
        probes: dict[str, list[str]] = self.wait_ready()["probes"]
        return probes

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        return self._process.pid

    def connect(self) -> Connection:
        """A control connection for a process about to be forked."""
        mine, theirs = socket.socketpair()
        try:
            with theirs:
                self.request({"op": "connect"}, [theirs.fileno()])
        except BaseException:
            mine.close()
            raise
        return Connection(mine, self)

    def wait_ready(self) -> dict[str, Any]:
        """What the zygote said when it was ready; waits for that the first time."""
        with self._ready_lock:
            if not self._ready:
                try:
                    self._peer.settimeout(START_SECONDS)
                    reply, _ = control.receive(self._peer)
                except (OSError, EOFError):
                    self._failed_start()
                if "error" in reply:
                    self._peer.close()
                    raise SandboxError(f"the zygote could not start: {reply['error']}")
                self._peer.settimeout(REPLY_SECONDS)
                self._ready = reply
        return self._ready

    def close(self) -> None:
        """End the zygote and every worker. Does nothing in a fork of the grader, whose zygote it is not."""
        if os.getpid() != self._owner or self._process.returncode is not None:
            return
        try:
            if self._ready:
                control.send(self._peer, {"op": "exit"})
            else:
                self._process.terminate()
        except OSError:
            pass
        super().close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._ready:  # gone already, unless the zygote was killed
            shutil.rmtree(self._ready["private"], ignore_errors=True)

    def _failed_start(self) -> NoReturn:
        self._peer.close()
        try:
            ended = f" (exit code {self._process.wait(1)})"
        except subprocess.TimeoutExpired:
            ended = ""
        raise SandboxError(f"the zygote did not start{ended}")


def _exec(theirs: socket.socket) -> "subprocess.Popen[bytes]":
    """Start the zygote with an environment of our choosing: nothing of the grader's is for a worker to see."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "student",  # so that nobody looks up who we are
        "LOGNAME": "student",
        "TMPDIR": tempfile.gettempdir(),
        "MPLBACKEND": "Agg",
        "PYTHONHASHSEED": "0",
        # Huge pages make a fork, and the end of a worker, two to three times faster: fewer page tables to copy.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "PYTHONMALLOC": "malloc",
        "CUDA_VISIBLE_DEVICES": "",  # a zygote that opened a GPU could not be forked
    }
    environment |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    return subprocess.Popen(
        command("zygote", theirs.fileno()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        pass_fds=[theirs.fileno()],
        start_new_session=True,
    )


def _package_folders() -> list[str]:
    """Where the grader finds installed packages: an isolated interpreter leaves a user's own folder out."""
    return [folder for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]
