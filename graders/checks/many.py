"""Grade many submissions, several at once, each in a forked process of its own: none can disturb its neighbours.

The parent has imported torch, the checks and the reference once; a fork has them at no cost. What comes back from a
fork is its report as text. The forks never touch student code: that runs in the sandbox's workers.
"""

import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from multiprocessing.connection import wait
from multiprocessing.context import ForkProcess
from typing import Any

from graders.checks.asking import SUBMISSION_SECONDS
from graders.checks.run import grade, ungradable
from graders.manifest import Manifest, Task
from graders.report.model import Report
from graders.sandbox import Connection, Sandbox, SandboxError
from graders.submission.intake import Submission

JOB_SECONDS = SUBMISSION_SECONDS + 90.0  # beyond this a grading process has itself gone wrong


@dataclass
class _Job:
    index: int
    process: ForkProcess
    pipe: Pipe
    connection: Connection
    ends: float


def grade_many(
    submissions: Sequence[Submission],
    manifest: Manifest,
    sandbox: Sandbox,
    *,
    jobs: int = 1,
    device: str = "cpu",
    data: Any = None,
    on_task: Callable[[int, Task], None] = lambda index, task: None,
) -> Generator[tuple[int, Report]]:
    """Yield (index, report) as they are finished. Leaving the iterator early ends what is still running."""
    isolation = sandbox.isolation  # found out before the first fork, which inherits it
    waiting = list(enumerate(submissions))[::-1]
    running: list[_Job] = []
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                index, submission = waiting.pop()
                try:
                    running.append(_start(index, submission, manifest, sandbox, device, data))
                except SandboxError as error:  # the rest cannot be graded either, but each gets its report
                    reason = f"The grader's sandbox failed: {error}"
                    yield index, ungradable(submission, manifest, isolation, reason)
            if not running:
                continue
            next_end = min(job.ends for job in running)
            wait([job.pipe for job in running], timeout=max(0.0, next_end - time.monotonic()))
            for job in list(running):
                report = _progress(job, submissions[job.index], manifest, sandbox, on_task)
                if report is not None:
                    running.remove(job)
                    _end(job)
                    yield job.index, report
    finally:
        for job in running:
            _end(job)


def _start(index: int, submission: Submission, manifest: Manifest, sandbox: Sandbox, device: str, data: Any) -> _Job:
    connection, isolation = sandbox.connect(), sandbox.isolation
    mine, theirs = multiprocessing.Pipe(duplex=False)

    def run() -> None:
        try:
            report = grade(
                submission,
                manifest,
                connection,
                isolation,
                device=device,
                data=data,
                on_task=lambda task: theirs.send_bytes(task.id.encode()),
            )
            text = report.to_json()
        except Exception as error:
            text = ungradable(submission, manifest, isolation, f"{type(error).__name__}: {error}").to_json()
        theirs.send_bytes(text.encode())
        theirs.close()
        os._exit(0)  # nothing of the parent's is this process's to clean up

    process = multiprocessing.get_context("fork").Process(target=run, daemon=True)
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # inherited: the parent decides what Ctrl-C ends
    try:
        process.start()
    finally:
        signal.signal(signal.SIGINT, before)
    theirs.close()
    return _Job(index, process, mine, connection, time.monotonic() + JOB_SECONDS)


def _progress(
    job: _Job,
    submission: Submission,
    manifest: Manifest,
    sandbox: Sandbox,
    on_task: Callable[[int, Task], None],
) -> Report | None:
    """Take in what `job` has sent; its report once there is one, of whatever kind."""
    try:
        while job.pipe.poll():
            message = job.pipe.recv_bytes().decode()
            if message.startswith("{"):
                return Report.from_json(message)
            on_task(job.index, manifest.task(message))
    except (EOFError, OSError):
        job.process.join(5)
        reason = f"The grading process ended early (exit code {job.process.exitcode})."
        return ungradable(submission, manifest, sandbox.isolation, reason)
    if time.monotonic() > job.ends:
        reason = f"The grading process gave no report within {JOB_SECONDS:.0f} seconds."
        return ungradable(submission, manifest, sandbox.isolation, reason)
    return None


def _end(job: _Job) -> None:
    job.process.kill()
    job.process.join()
    job.pipe.close()
    job.connection.close()
