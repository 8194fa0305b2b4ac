"""Grade many submissions in forked processes: one submission never disturbs another.

The parent has imported torch, the checks and the reference once; a fork has them at no cost, and grades one submission
after another. It sends back each report as text. The forks never touch student code: that runs in sandboxed workers.
"""

import contextlib
import gc
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from typing import TYPE_CHECKING

from cvaekit.kit import Assignment
from cvaekit.manifest import Task
from cvaekit.report.model import Report
from cvaekit.sandbox import Connection, SandboxError
from cvaekit.submission.intake import Submission

if TYPE_CHECKING:
    from cvaekit.grading.session import Session

# A grading process that says nothing for so long has itself gone wrong. On a busy machine a right submission's training
# takes minutes, and a grading process names each task that it begins.
SILENT_SECONDS = 1800.0
WAIT_SECONDS = 5.0  # for news, at a time; one wait counts for no more, so that a pause of all processes does not
RENEWED_AFTER = 100  # submissions: what a library may leave behind does not add up


@dataclass
class _Grader:
    """A forked process, and the submission it is busy with."""

    process: ForkProcess
    pipe: Pipe
    connection: Connection
    index: int = -1
    silent: float = 0.0  # seconds
    graded: int = 0

    def give(self, index: int) -> None:
        self.index, self.silent = index, 0.0
        self.graded += 1
        with contextlib.suppress(OSError):  # it ended meanwhile: reading from it will tell
            self.pipe.send_bytes(str(index).encode())

    def end(self) -> None:
        self.process.kill()
        self.process.join()
        self.pipe.close()
        self.connection.close()


def grade_many(
    session: "Session",
    submissions: Sequence[Submission],
    jobs: int,
    left_out: Sequence[tuple[str, ...]],
    on_task: Callable[[int, Task], None],
) -> Generator[tuple[int, Report]]:
    """Yield (index, report) as they are finished. Leaving the iterator early ends what is still running."""
    assert session.isolation  # computed before the first fork, which inherits it
    # An exception in a callback of the garbage collector is thrown away, and so would be the user's Ctrl-C. Hypothesis
    # has one, which measures time for reports that nobody reads.
    gc.callbacks[:] = [callback for callback in gc.callbacks if not _of_hypothesis(callback)]

    def grade(index: int, connection: Connection, on_task: Callable[[Task], None]) -> Report:
        skipped = left_out[index] if left_out else ()
        try:
            return session.grade(submissions[index], workers=connection, left_out=skipped, on_task=on_task)
        except Exception as error:  # the grader's own, and so no mark of this submission's
            return session.ungradable(submissions[index], f"{type(error).__name__}: {error}")

    waiting = list(range(len(submissions)))[::-1]
    idle: list[_Grader] = []
    busy: list[_Grader] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < jobs:
                index = waiting.pop()
                try:
                    grader = idle.pop() if idle else _start(session, grade, busy)
                except SandboxError as error:  # the rest cannot be graded either, but each gets its report
                    yield index, session.ungradable(submissions[index], f"The grader's sandbox failed: {error}")
                    continue
                grader.give(index)
                busy.append(grader)
            if not busy:
                continue
            started = time.monotonic()
            wait([grader.pipe for grader in busy], timeout=WAIT_SECONDS)
            waited = min(time.monotonic() - started, WAIT_SECONDS)
            for grader in list(busy):
                grader.silent += waited
                report = _progress(grader, session.assignment, on_task)
                if report is None:
                    continue
                busy.remove(grader)
                if isinstance(report, Report) and grader.graded < RENEWED_AFTER:
                    idle.append(grader)
                else:
                    grader.end()
                if isinstance(report, str):
                    report = session.ungradable(submissions[grader.index], report)
                yield grader.index, report
    finally:
        for grader in busy + idle:
            grader.end()


def _of_hypothesis(callback: object) -> bool:
    return str(getattr(callback, "__module__", "")).startswith("hypothesis")


def _start(session: "Session", grade: Callable[..., Report], others: Sequence[_Grader]) -> _Grader:
    connection = session.sandbox.connect()
    mine, theirs = multiprocessing.Pipe()

    def run() -> None:
        mine.close()
        for other in others:  # a copy of the parent's end would hide from them that it is gone
            other.pipe.close()
        with contextlib.suppress(EOFError, OSError):  # the parent ended
            while True:
                index = int(theirs.recv_bytes())
                report = grade(index, connection, lambda task: theirs.send_bytes(task.id.encode()))
                theirs.send_bytes(report.to_json().encode())
        os._exit(0)  # nothing of the parent's is this process's to clean up

    process = multiprocessing.get_context("fork").Process(target=run, daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: the parent decides what Ctrl-C ends
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    return _Grader(process, mine, connection)


def _progress(grader: _Grader, assignment: Assignment, on_task: Callable[[int, Task], None]) -> Report | str | None:
    """Read what `grader` has sent: return its report once there is one, or the reason why there will be none."""
    try:
        while grader.pipe.poll():
            message = grader.pipe.recv_bytes().decode()
            if message.startswith("{"):
                return Report.from_json(message)
            grader.silent = 0.0
            on_task(grader.index, assignment.task(message))
    except (EOFError, OSError):
        grader.process.join(5)
        return f"The grading process ended early (exit code {grader.process.exitcode})."
    if grader.silent >= SILENT_SECONDS:
        return f"The grading process said nothing for {SILENT_SECONDS:.0f} seconds."
    return None
