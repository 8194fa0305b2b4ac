"""Questions that checks put to one submission, and the worker of each task that answers them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, Self

from cvaekit.grading import raised_hints
from cvaekit.grading.failure import Failure
from cvaekit.grading.form import fits, forms
from cvaekit.kit import Assignment
from cvaekit.manifest import Task
from cvaekit.report.model import Better, Metric
from cvaekit.sandbox import BadReply, Died, Raised, SubmissionFailure, TimedOut, WrongReturn
from cvaekit.sandbox.exchange import Exchange
from cvaekit.submission.intake import Submission
from cvaekit.submission.source import Source

# Counted as a Deadline counts: seconds of computing or waiting, whatever else the machine does.
SUBMISSION_SECONDS = 90.0  # for everything a submission is asked, both together; an honest one needs about four
CALL_SECONDS = 10.0  # for one call; an honest one needs milliseconds

# Hints for failures unrelated to the task: timeout, crash, wrong return type.
HINTS: dict[type, str] = {
    TimedOut: "Is there a loop that never meets its end condition, or something that waits for input?",
    WrongReturn: "What is handed back at the end, and what does the caller expect?",
    Died: "A submission answers calls; nothing in it should end the process or take all of its memory.",
}


class WorkerLike(Protocol):
    """A Worker, or what answers like one."""

    @property
    def summary(self) -> str: ...
    @property
    def spent(self) -> float: ...
    def ask(self, probe: str, /, *, seconds: float = ..., seed: int | None = ..., **arguments: Any) -> Any: ...
    def close(self) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(self, *raised: object) -> None: ...


class Workers(Protocol):
    """Whatever starts a worker: a Sandbox, or a forked grader's Connection to one; InProcess for trusted sources."""

    def worker(
        self,
        source: bytes,
        filename: str,
        *,
        seed: int = 0,
        preload: tuple[str, ...] = (),
        modules: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> WorkerLike: ...


@dataclass
class Grading:
    """The state of grading one submission. Everything by task is keyed by the task's id.

    left_out: tasks that are not judged in this run; alone: whether the lines of other tasks in the same function are
    taken out; device_used: where the last worker ran; unresponsive: why a task is
    not asked any more; exchanges: what was asked, in order; traces: tracebacks of the grader's own faults.
    """

    assignment: Assignment
    submission: Submission
    source: Source
    workers: Workers
    device: str = "cpu"
    data: Any = None
    left_out: tuple[str, ...] = ()
    alone: bool = False
    device_used: str = "cpu"
    worker_summary: str | None = None  # how a worker on a GPU differed from the others
    unresponsive: dict[str, str] = field(default_factory=dict)
    notes: dict[str, list[str]] = field(default_factory=dict)
    metrics: dict[str, list[Metric]] = field(default_factory=dict)
    exchanges: dict[str, list[Exchange]] = field(default_factory=dict)
    traces: list[str] = field(default_factory=list)
    # A worker for the next task: it has only imported the submission, or the submission is stateless.
    _kept: WorkerLike | None = field(default=None, init=False)
    _started: list[WorkerLike] = field(default_factory=list)

    def seconds_left(self) -> float:
        return SUBMISSION_SECONDS - sum(worker.spent for worker in self._started)

    def definitions(self, names: list[str]) -> dict[str, str]:
        """What each dotted name of the submission is, from a first import. Its worker is the first task's."""
        self._kept = self.start_worker()
        found: dict[str, str] = self._kept.ask("definitions", names=names)
        if not (fits(found, self.form("definitions")) and set(found) == set(names)):
            raise BadReply("an answer of another form")
        return found

    def form(self, probe: str) -> Any:
        """The form of an answer of `probe`; LookupError for an unknown probe."""
        known = forms(self.assignment)
        if probe not in known:
            raise LookupError(f"graders/{self.assignment.name}/probes.py has no probe {probe!r}; add it to FORMS")
        return known[probe]

    def start_worker(self, device: str = "cpu") -> WorkerLike:
        """A worker for one task: a new one, but for a stateless submission on the CPU, whose tasks share one."""
        shared = self.source.stateless and device == "cpu"
        if self._kept and device == "cpu":
            worker, self._kept = self._kept, self._kept if shared else None
            return worker
        worker = self.workers.worker(
            self.source.code.encode("utf-8", "surrogatepass"),
            self.submission.filename,
            preload=self.source.imports,
            modules=self.source.modules,
            device=device,
        )
        self._started.append(worker)
        if shared:
            self._kept = worker
        return worker

    def release(self, worker: WorkerLike, *, broken: bool) -> None:
        """Close a worker of one task, unless others share it and it is not broken."""
        if worker is self._kept:
            if not broken:
                return
            self._kept = None
        worker.close()

    def close(self) -> None:
        if self._kept:
            self._kept.close()
            self._kept = None

    def describe(self, failure: SubmissionFailure) -> str:
        """What the submission did, as the end of a sentence that starts with what was called."""
        if isinstance(failure, Raised):
            line, message = self.source.line(failure.line), " ".join(failure.message.split())
            where = f" ({self.source.where(failure.line)}: `{line[:100]}`)" if failure.line and line else ""
            raised = f"raised {' '.join(failure.type.split())}"
            return f"{raised}: {message}{where}" if message else f"{raised}{where}"
        if isinstance(failure, TimedOut):
            return f"{failure.did} for {max(0.1, round(failure.seconds, 1)):g} seconds and did not return"
        if isinstance(failure, Died):
            return f"ended its process ({failure.reason})"
        if isinstance(failure, WrongReturn):
            return f"returned {' '.join(failure.got.split())}"
        return f"sent a reply that cannot be used: {failure}"


class SubmissionHandle:
    """The submission as the checks of one task see it. Nothing that it answered in another task has an effect here."""

    def __init__(self, grading: Grading, task: Task):
        self.grading, self.task = grading, task
        self._workers: dict[str, WorkerLike] = {}

    @property
    def assignment(self) -> Assignment:
        return self.grading.assignment

    @property
    def data(self) -> Any:
        """What the assignment's data.py loaded."""
        return self.grading.data

    @property
    def alone(self) -> bool:
        """Whether the lines of other tasks in the same function are taken out, their terms of a sum being 0."""
        return self.grading.alone

    @property
    def device(self) -> str:
        """Where training should run: cpu or cuda."""
        return self.grading.device

    def ask(
        self,
        probe: str,
        called: str,
        *,
        wanted: str = "a result",
        seconds: float = CALL_SECONDS,
        seed: int = 0,
        device: str = "cpu",
        **arguments: Any,
    ) -> Any:
        """The answer of `probe`; a Failure when the submission raises, hangs, or ends its process instead.

        After a call that never returned the task is not asked again: each further question would wait as long.
        """
        __tracebackhide__ = True
        if reason := self.grading.unresponsive.get(self.task.id):
            raise Failure(called, reason, wanted, HINTS[TimedOut])
        seconds = min(seconds, self.grading.seconds_left())
        if seconds <= 0:
            self._give_up(f"was not asked any more: the submission has used up its {SUBMISSION_SECONDS:.0f} seconds")
            raise Failure(called, self.grading.unresponsive[self.task.id], wanted, HINTS[TimedOut])
        form = self.grading.form(probe)
        try:
            worker = self._worker(device)
            if device != "cpu":
                self.grading.worker_summary = worker.summary
            answer = worker.ask(probe, seconds=seconds, seed=seed, **arguments)
            if not fits(answer, form):
                raise BadReply("an answer of another form")
            self._record(probe, seed, arguments, answer)
            if device != "cpu":
                self.grading.device_used = device
            return answer
        except Raised as failure:  # the worker lives on
            self._record(probe, seed, arguments, failure)
            if raised_hints.out_of_memory(failure):  # what was freed may lie scattered
                self._drop(device)
            raise Failure(called, self.grading.describe(failure), wanted, raised_hints.hint(failure)) from None
        except WrongReturn as failure:
            self._record(probe, seed, arguments, failure)
            raise Failure(called, self.grading.describe(failure), wanted, HINTS[WrongReturn]) from None
        except SubmissionFailure as failure:
            self._record(probe, seed, arguments, failure)
            self._drop(device)
            got = self.grading.describe(failure)
            if isinstance(failure, TimedOut):
                self._give_up(got)
            raise Failure(called, got, wanted, HINTS.get(type(failure))) from None

    def ask_aside(self, probe: str, **arguments: Any) -> Any:
        """The answer of `probe` for a piece of advice; None where there is none. It costs nothing, whatever the
        submission does, if no check of the task comes after it."""
        if self.task.id in self.grading.unresponsive:
            return None
        form = self.grading.form(probe)
        try:
            seconds = min(2.0, max(0.1, self.grading.seconds_left()))
            answer = self._worker("cpu").ask(probe, seconds=seconds, **arguments)
            return answer if fits(answer, form) else None
        except (Raised, WrongReturn):
            return None
        except SubmissionFailure:
            self._drop("cpu")
            return None

    def note(self, text: str) -> None:
        """Add advice to the report that costs no points."""
        self.grading.notes.setdefault(self.task.id, []).append(text)

    def metric(
        self, name: str, value: float, limit: float | None = None, unit: str = "", better: Better = "lower"
    ) -> None:
        """Add a measured number to the report. `value` is finite."""
        found = self.grading.metrics.setdefault(self.task.id, [])
        found[:] = [metric for metric in found if metric.name != name]  # several checks may measure the same run
        found.append(Metric(name, value, limit, unit, better))

    def close(self) -> None:
        for worker in self._workers.values():
            self.grading.release(worker, broken=False)
        self._workers = {}

    def _record(self, probe: str, seed: int, arguments: dict[str, Any], answer: Any) -> None:
        self.grading.exchanges.setdefault(self.task.id, []).append(Exchange(probe, seed, arguments, answer))

    def _give_up(self, reason: str) -> None:
        self.grading.unresponsive[self.task.id] = reason

    def _worker(self, device: str) -> WorkerLike:
        if device not in self._workers:
            self._workers[device] = self.grading.start_worker(device)
        return self._workers[device]

    def _drop(self, device: str) -> None:
        self.grading.release(self._workers.pop(device), broken=True)
