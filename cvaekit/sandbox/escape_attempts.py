"""The self-test's own submission: it tries what no submission may do, inside a worker like any other."""

import os
import resource
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NoReturn

OVER_BUDGET = 2 << 30


def loop() -> NoReturn:
    while True:
        pass


def attempts(canary: str, grader: int, rlimits: Sequence[str]) -> dict[str, str]:
    """Each attempt: "denied" or "allowed"; and what holds of the worker.

    canary: a readable file outside; grader: a process id; rlimits: those that should be in force.
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
