"""The grader's handle on the zygote: start it, open connections to it, start workers, measure their isolation."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, NoReturn, Self

from cvaekit.sandbox import control
from cvaekit.sandbox.failures import SandboxError
from cvaekit.sandbox.self_test import Isolation, measure_isolation
from cvaekit.sandbox.spawn import ENGINE, command
from cvaekit.sandbox.worker_handle import Worker

LAYERS = frozenset({"landlock", "seccomp"})
START_SECONDS = 180.0  # to import torch on a busy machine whose page cache is empty
REPLY_SECONDS = 300.0  # for one request; the zygote may import packages for it, on a machine that is busy otherwise
_GPU_ENVIRONMENT = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER", "LD_LIBRARY_PATH", "NVIDIA_VISIBLE_DEVICES")


def harden_grader() -> None:
    """Deny other processes of the same user this process's memory (Linux). Call it before anything is graded."""
    if sys.platform == "linux":
        from cvaekit.sandbox import linux

        linux.prctl(linux.PR_SET_DUMPABLE, 0)


class Connection:
    """A connection to the zygote, opened by `Sandbox.connect` before a fork, and used by the forked process.

    When the process that uses it ends, the zygote kills every worker that was started through it.
    """

    def __init__(self, own_end: socket.socket, sandbox: "Sandbox"):
        own_end.settimeout(REPLY_SECONDS)
        self._socket, self._sandbox = own_end, sandbox
        self._lock = threading.Lock()

    @property
    def probes(self) -> dict[str, list[str]]:
        """Probes of the workers: name -> names of its parameters, "**" for any."""
        return self._sandbox.probes

    def worker(
        self,
        source: bytes,
        filename: str,
        *,
        seed: int = 0,
        preload: Sequence[str] = (),
        modules: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> Worker:
        """Start a locked process, which imports `source` when it is first asked. Raises SandboxError.

        preload: packages that the source imports; those in preload.PACKAGES are imported before it.
        modules: texts of other files that the source may import, by the names of their modules.
        device: "cpu" forks the zygote; "cuda" starts a new interpreter that may open the GPU's device files.
        """
        return Worker(self, source, filename, seed=seed, preload=preload, modules=modules or {}, device=device)

    def request(self, message: dict[str, Any], descriptors: Sequence[int] = ()) -> dict[str, Any]:
        """Send a request to the zygote and return its reply. Raises SandboxError if it ended or failed."""
        self._sandbox.wait_ready()
        with self._lock:
            try:
                control.send(self._socket, message, descriptors)
                reply = control.receive(self._socket)[0]
            except BaseException as error:
                self._socket.close()  # a late reply would be taken for that of the next request
                if isinstance(error, (EOFError, OSError)):
                    raise SandboxError(f"the zygote is gone ({type(error).__name__})") from None
                raise
        if "error" in reply:
            raise SandboxError(f"the zygote could not {message['op']} a worker: {reply['error']}")
        return reply

    def close(self) -> None:
        """Close the connection. The zygote then kills the workers that were started through it."""
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


class Sandbox(Connection):
    """Owns one zygote, which imports torch and the probes file `probes` while the grader goes on.

    Use it as a context manager, from a thread that lives as long: the zygote ends with the thread that started it.

    kit: the folder whose packages the probes import, and of which workers can read nothing.
    layers, landlock_abi: simulate a system that offers less (for tests).
    """

    def __init__(self, probes: Path, kit: Path, *, layers: frozenset[str] = LAYERS, landlock_abi: int = 99):
        if os.name != "posix":
            raise SandboxError("submissions cannot be run safely on Windows itself; use WSL2, where everything works")
        own_end, zygote_end = socket.socketpair()
        self._owner = os.getpid()
        self._ready: dict[str, Any] = {}
        self._ready_lock = threading.Lock()
        try:
            with zygote_end:
                self._process = _start_zygote(zygote_end)
        except BaseException:
            own_end.close()
            raise
        super().__init__(own_end, self)
        message = {"probes": str(probes.resolve()), "layers": sorted(layers), "abi": landlock_abi, "kit": str(kit)}
        hidden = [ENGINE, *(kit / part for part in ("graders", "reference", "assignments", "tests"))]
        message |= {"hidden": list(map(str, hidden)), "packages": _package_folders(), "grader": self._owner}
        message |= {"gpu_environment": {key: os.environ[key] for key in _GPU_ENVIRONMENT if key in os.environ}}
        try:
            control.send(own_end, message)
        except OSError:
            self._failed_start()

    @cached_property
    def isolation(self) -> Isolation:
        """What workers are kept from on this machine, measured in a worker. Waits until the zygote is ready."""
        return measure_isolation(self, self.wait_ready()["layers"])

    @property
    def probes(self) -> dict[str, list[str]]:
        """As for a Connection. Waits until the zygote is ready."""
        probes: dict[str, list[str]] = self.wait_ready()["probes"]
        return probes

    @property
    def pid(self) -> int:
        """The zygote's process id."""
        return self._process.pid

    def connect(self) -> Connection:
        """Open a connection for a process that is about to be forked."""
        own_end, zygote_end = socket.socketpair()
        try:
            with zygote_end:
                self.request({"op": "connect"}, [zygote_end.fileno()])
        except BaseException:
            own_end.close()
            raise
        return Connection(own_end, self)

    def wait_ready(self) -> dict[str, Any]:
        """Wait until the zygote is ready, and return its message: probes, layers, folders."""
        with self._ready_lock:
            if not self._ready:
                try:
                    self._socket.settimeout(START_SECONDS)
                    reply, _ = control.receive(self._socket)
                except (OSError, EOFError):
                    self._failed_start()
                if "error" in reply:
                    self._socket.close()
                    raise SandboxError(f"the zygote could not start: {reply['error']}")
                self._socket.settimeout(REPLY_SECONDS)
                self._ready = reply
        return self._ready

    def close(self) -> None:
        """End the zygote and every worker. Does nothing in a fork of the process that started the zygote."""
        if os.getpid() != self._owner or self._process.returncode is not None:
            return
        try:
            if self._ready:
                control.send(self._socket, {"op": "exit"})
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
        if self._ready:  # the zygote has removed its folders, unless it was killed
            for folder in self._ready["folders"]:
                shutil.rmtree(folder, ignore_errors=True)

    def _failed_start(self) -> NoReturn:
        self._socket.close()
        try:
            ended = f" (exit code {self._process.wait(1)})"
        except subprocess.TimeoutExpired:
            ended = ""
        raise SandboxError(f"the zygote did not start{ended}")


def _start_zygote(zygote_end: socket.socket) -> "subprocess.Popen[bytes]":
    """Start the zygote in an environment that holds no variable of the grader's: workers can read it."""
    environment = {
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "USER": "student",  # else libraries look up the user's name in a file that workers cannot read
        "LOGNAME": "student",
        "TMPDIR": tempfile.gettempdir(),
        "MPLBACKEND": "Agg",
        "PYTHONHASHSEED": "0",
        # With huge pages a fork and the end of a worker are two to three times faster: fewer page tables to copy.
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1",
        "PYTHONMALLOC": "malloc",
        "CUDA_VISIBLE_DEVICES": "",  # a zygote that opened a GPU could not be forked
    }
    environment |= {f"{library}_NUM_THREADS": "1" for library in ("OMP", "OPENBLAS", "MKL", "NUMEXPR")}
    return subprocess.Popen(
        command("zygote", zygote_end.fileno()),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=environment,
        cwd="/",
        pass_fds=[zygote_end.fileno()],
        start_new_session=True,
    )


def _package_folders() -> list[str]:
    """Return the grader's folders of installed packages. The zygote, started with -s, leaves the user's own out."""
    return [folder for folder in sys.path if Path(folder).name in ("site-packages", "dist-packages")]
