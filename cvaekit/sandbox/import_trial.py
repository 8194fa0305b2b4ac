"""Which packages the zygote may import: tried in a fork of it first, so that a bad one spoils that fork only."""

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

SECONDS = 25.0  # for all trials of one request, whose imports may take as long again before the grader gives up
TRUSTED = ("numpy", "optim")  # what torch itself imports; a trial would cost what it is there to save
_verdicts: dict[str, bool] = {}


def threads() -> int:
    """Threads of this process."""
    return linux.thread_count() if sys.platform == "linux" else threading.active_count()


def harmless(names: Sequence[str]) -> list[str]:
    """Those of `names` whose import works and leaves no thread. Each is tried once; call it with one thread only."""
    ends = time.monotonic() + SECONDS
    for name in names:
        if name in preload.PACKAGES and name not in TRUSTED and name not in _verdicts and time.monotonic() < ends:
            _verdicts[name] = _try(name, ends - time.monotonic())
    return [name for name in names if name in TRUSTED or _verdicts.get(name, False)]


def _try(name: str, seconds: float) -> bool:
    reading, writing = os.pipe()
    zygote = os.getpid()
    child = os.fork()
    if not child:
        try:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            lockdown.become_leader(zygote)
            if preload.import_packages([name]) and threads() == 1:
                os.write(writing, b"y")
        finally:
            os._exit(0)
    os.close(writing)
    poll = select.poll()
    poll.register(reading, select.POLLIN)
    ends = time.monotonic() + seconds
    try:  # what an import has forked may hold the pipe open, so its end is not waited for
        while not poll.poll(10) and not process_tree.ended(child) and time.monotonic() < ends:
            pass
        return bool(poll.poll(0)) and os.read(reading, 1) == b"y"
    finally:
        os.close(reading)
        process_tree.end(child, 0.0)
