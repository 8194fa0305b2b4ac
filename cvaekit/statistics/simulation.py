"""Simulate gradings of trusted submissions: other seeds, altered answers, and what a check then says."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from cvaekit.grading.failure import Failure
from cvaekit.grading.questions import Grading, SubmissionHandle, Workers
from cvaekit.grading.replay import Check, recorded_calls
from cvaekit.kit import Assignment
from cvaekit.manifest import Task
from cvaekit.sandbox.in_process import InProcess, TrustedWorker
from cvaekit.submission import source as sources
from cvaekit.submission.intake import Submission

Answer = dict[str, Any]


class KeptWorkers(InProcess):
    """Keeps a worker for each source: importing it anew would take most of a simulation's time."""

    def __init__(self, assignment: Assignment, seed_offset: int = 0) -> None:
        super().__init__(assignment.probes, assignment.kit.root, seed_offset)
        self._workers: dict[bytes, KeptWorker] = {}

    def worker(self, source: bytes, filename: str, **options: Any) -> "KeptWorker":
        return self._workers.setdefault(source, KeptWorker(self, source, filename, 0))


class KeptWorker(TrustedWorker):
    """A worker that goes on after it was closed."""

    def close(self) -> None:
        pass


@dataclass
class AlteredWorkers:
    """Workers whose answers to `probe` are altered by `change(answer, number of questions before, arguments)`."""

    workers: KeptWorkers
    probe: str
    change: Callable[[Answer, int, Answer], None]
    asked: list[Answer] = field(default_factory=list)

    def worker(self, source: bytes, filename: str, **options: Any) -> TrustedWorker:
        worker = KeptWorker(self.workers, source, filename, 0)
        ask = self.workers.worker(source, filename).ask

        def altered(probe: str, /, **arguments: Any) -> Any:
            answer = ask(probe, **arguments)
            if probe == self.probe:
                self.change(answer, len(self.asked), arguments)
            self.asked.append(arguments)
            return answer

        worker.ask = altered  # type: ignore[method-assign]
        return worker


def grading(assignment: Assignment, submission: Submission, workers: Workers, data: Any = None) -> Grading:
    """The state of grading a trusted submission with `workers`."""
    return Grading(assignment, submission, _source(assignment, submission), workers, data=data)


@cache
def _source(assignment: Assignment, submission: Submission) -> sources.Source:
    return sources.read(submission, assignment)


def fails(check: Check, task: Task, assignment: Assignment, submission: Submission, workers: Workers) -> bool:
    """Whether `check` of `task` complains, be it only with a note."""
    graded = grading(assignment, submission, workers)
    try:
        for function, example in recorded_calls(check):
            function(submission=SubmissionHandle(graded, task), **example)
    except Failure:
        return True
    return bool(graded.notes)


def default_of(check: Check, parameter: str) -> Any:
    """The default of a parameter of `check`; None where it has no such parameter."""
    found = inspect.signature(check).parameters.get(parameter)
    return found.default if found else None
