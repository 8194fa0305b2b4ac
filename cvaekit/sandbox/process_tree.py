"""Kill processes from the zygote: a worker, its process group, and processes that left the group."""

import os
import signal
import sys
import time

if sys.platform == "linux":
    from cvaekit.sandbox import linux

_POLL_SECONDS = 0.002
_ROUNDS = 10_000  # a fork bomb may start processes as fast as they are killed


def kill_and_reap(worker: int, patience: float = 0.0) -> int | None:
    """Kill a worker and its process group, and return its exit status: negative for a signal, None if this killed it.

    patience: seconds to wait first for it to end by itself, so that its own exit status is the one returned.
    """
    ends = time.monotonic() + patience
    while patience and not has_ended(worker) and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
    ended = has_ended(worker)
    kill(worker)
    status = os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])
    return None if status == -signal.SIGKILL and not ended else status


def kill(worker: int) -> None:
    """Kill a worker, which is not reaped yet, so that its id belongs to no other process, and its process group."""
    for kill_one in (os.killpg, os.kill):
        try:
            kill_one(worker, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue


def kill_strays(known: set[int]) -> None:
    """Kill and reap every child but the `known` ones: processes whose parent ended, which the zygote has adopted."""
    for _ in range(_ROUNDS):
        strays = set(linux.children(os.getpid())) - known
        if not strays:
            return
        for stray in strays:
            os.kill(stray, signal.SIGKILL)
            os.waitpid(stray, 0)


def has_ended(worker: int) -> bool:
    """Return whether a child has ended, without reaping it."""
    if not hasattr(os, "waitid"):  # macOS: the caller then waits for its full time, and the exit status is lost
        return False
    return os.waitid(os.P_PID, worker, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
