"""Run a function of ours in a fork of this process: what it changes ends with it, and so does what never returns."""

import multiprocessing
import os
import pickle
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from typing import Any, NoReturn


def results(function: Callable[[Callable[[Any], None]], None], seconds: float) -> Iterator[Any]:
    """Call `function(send)` in a fork and yield what it sends, until it ends or `seconds` are over.

    Its prints and warnings are thrown away. An exception ends it, and is shown on this process's stderr.
    """
    mine, theirs = multiprocessing.Pipe(duplex=False)
    child = os.fork()
    if not child:
        _run(function, lambda value: theirs.send_bytes(pickle.dumps(value)))
    theirs.close()
    ends = time.monotonic() + seconds
    try:
        while mine.poll(max(0.0, ends - time.monotonic())):
            yield pickle.loads(mine.recv_bytes())  # from a fork of ours, in which only our own code runs
    except EOFError:
        return
    finally:
        mine.close()
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _run(function: Callable[[Callable[[Any], None]], None], send: Callable[[Any], None]) -> NoReturn:
    try:
        with open(os.dup(2), "w") as stderr:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            try:
                function(send)
            except Exception:
                traceback.print_exc(file=stderr)
    finally:
        os._exit(0)
