"""Find the packages that the zygote may import. Each is tried in a fork first, where a bad one does no harm."""

import os
import select
import signal
import sys
import threading
import time
from collections.abc import Sequence

from cvaekit.sandbox import lockdown, preload, process_tree

if sys.platform == "linux":
    from cvaekit.sandbox import linux

SECONDS = 25.0  # for all trials of one request; their imports may take as long again, within client.REPLY_SECONDS
TRUSTED = ("numpy", "optim")  # imported by torch itself, so that they need no trial
_results: dict[str, bool] = {}  # by name of package


def thread_count() -> int:
    """Return the number of threads of this process."""
    return linux.thread_count() if sys.platform == "linux" else threading.active_count()


def safe_to_import(names: Sequence[str]) -> list[str]:
    """Return those of `names` whose import succeeds and leaves no thread running. Each name is tried once.

    Call it in a process with one thread, since it forks.
    """
    ends = time.monotonic() + SECONDS
    for name in names:
        if name in preload.PACKAGES and name not in TRUSTED and name not in _results and time.monotonic() < ends:
            _results[name] = _try(name, ends - time.monotonic())
    return [name for name in names if name in TRUSTED or _results.get(name, False)]


def _try(name: str, seconds: float) -> bool:
    """Import the package `name` in a fork, within `seconds`; return whether it may be imported here."""
    reading, writing = os.pipe()
    zygote = os.getpid()
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            lockdown.become_session_leader(zygote)
            if preload.import_packages([name]) and thread_count() == 1:
                os.write(writing, b"y")
        finally:
            os._exit(0)
    os.close(writing)
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    ends = time.monotonic() + seconds
    try:  # a process that the import started may hold the pipe open, so its end is not waited for
        while not poll.poll(10) and not process_tree.has_ended(child) and time.monotonic() < ends:
            pass
        return bool(poll.poll(0)) and os.read(reading, 1) == b"y"
    finally:
        os.close(reading)
        process_tree.kill_and_reap(child)
