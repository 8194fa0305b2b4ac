"""The submission of the self-test: it tries, in a worker like any other, what no submission may do."""

import os
import resource
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

OVER_BUDGET = 2 << 30  # bytes, more than a worker's limit


def loop() -> NoReturn:
    """Run until the deadline of the call ends the worker."""
    while True:
        pass


def attempts(canary: str, grader: int, rlimits: Sequence[str]) -> dict[str, str]:
    """Return "denied" or "allowed" for each attempt, and the state of the worker's process, limits and memory.

    canary: path of a file that workers may not read; grader: its process id; rlimits: names of limits to be in force.
    """

    def read() -> None:
        Path(canary).read_bytes()

    def write() -> None:
        Path(canary).with_name("written").write_text("")

    def sockets() -> None:
        for family, kind in (
            (socket.AF_INET, socket.SOCK_STREAM),
            (socket.AF_INET, socket.SOCK_DGRAM),
            (socket.AF_UNIX, socket.SOCK_STREAM),
        ):
            try:
                socket.socket(family, kind).close()
            except OSError:
                continue
            return
        raise PermissionError

    def fork() -> None:
        child = os.fork()
        if not child:
            os._exit(0)
        os.waitpid(child, 0)

    def signals() -> None:
        os.kill(grader, 0)

    def memory_of_grader() -> None:
        os.close(os.open(f"/proc/{grader}/mem", os.O_RDONLY))

    tried = {
        "read": read, "write": write, "socket": sockets, "fork": fork, "signal": signals, "mem": memory_of_grader
    }  # fmt: skip
    found = {name: _outcome(attempt) for name, attempt in tried.items()}
    found["process"] = "shared" if os.getpid() == grader else "separate"
    found["rlimits"] = "missing" if any(_unlimited(name) for name in rlimits) else "kept"
    return found | {"memory": _memory()}


def _unlimited(name: str) -> bool:
    hard: int = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
    return hard == resource.RLIM_INFINITY


def _outcome(attempt: Callable[[], None]) -> str:
    try:
        attempt()
    except OSError:
        return "denied"
    return "allowed"


def _memory() -> str:
    try:
        bytearray(OVER_BUDGET)
    except MemoryError:
        return "limited"
    return "open"
