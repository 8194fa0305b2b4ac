"""How the zygote ends processes: a worker, its group, and whatever escaped from both."""

import os
import signal
import sys
import time

if sys.platform == "linux":
    from cvaekit.sandbox import linux

_POLL_SECONDS = 0.002
_ROUNDS = 10_000  # a bound for a fork bomb that outruns us for a while


def end(worker: int, patience: float) -> int:
    """Kill a worker and its group, reap it, and return its exit status: negative for a signal.

    `patience`: how many seconds it may take to end by itself, so that its own reason for ending is the one reported.
    """
    ends = time.monotonic() + patience
    while patience and not ended(worker) and time.monotonic() < ends:
        time.sleep(_POLL_SECONDS)
    for kill in (os.killpg, os.kill):  # not reaped yet, so neither number can be another process's
        try:
            kill(worker, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            continue
    return os.waitstatus_to_exitcode(os.waitpid(worker, 0)[1])


def sweep(known: set[int]) -> None:
    """Kill and reap every child but the `known` ones: processes whose parents ended, adopted by us as subreaper."""
    for _ in range(_ROUNDS):
        strays = set(linux.children(os.getpid())) - known
        if not strays:
            return
        for stray in strays:
            os.kill(stray, signal.SIGKILL)
            os.waitpid(stray, 0)


def ended(worker: int) -> bool:
    """Whether a child has ended; it is not reaped."""
    if not hasattr(os, "waitid"):  # macOS: it waits in vain, and the reason is lost
        return False
    return os.waitid(os.P_PID, worker, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
