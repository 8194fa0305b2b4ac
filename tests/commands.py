"""Runs the command as people do: a process with arguments, two streams and an exit code."""

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

COMMAND = [str(Path(sys.executable).with_name("cvaekit"))]


def cvaekit(*arguments, cwd=None, **environment):
    return subprocess.run(
        [*COMMAND, *map(str, arguments)],
        capture_output=True,
        text=True,
        timeout=180,
        cwd=cwd,
        env={**os.environ, **environment},
    )


@contextlib.contextmanager
def interruptible():
    """Let SIGINT end the processes that are started in here, although the tests may ignore it: `nohup make test &`."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
