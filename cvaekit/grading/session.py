"""Open a grader for one assignment: sandbox, isolation level, data, checks, and the reference as first submission."""

import importlib.metadata
import os
import platform
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from cvaekit.grading import data as data_loader
from cvaekit.grading.data import SetupError
from cvaekit.kit import Assignment
from cvaekit.manifest import Task
from cvaekit.report.model import Report, TaskReport
from cvaekit.sandbox import Isolation, Sandbox, SandboxError, SubmissionFailure, harden_grader
from cvaekit.submission import source as sources
from cvaekit.submission.intake import Submission

if TYPE_CHECKING:
    from cvaekit.grading.questions import Grading, Workers

DEVICES = ("auto", "cpu", "cuda")
MIN_ISOLATION = 2
# Two busy threads on two busy cores are slower than one, and a process with threads cannot be forked safely. The
# libraries read these when they are imported.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def use_one_thread() -> None:
    """Have torch and numpy compute on one thread. Call it before they are imported."""
    os.environ.update(ONE_THREAD)


class Session:
    """A grader for one assignment. Use it as a context manager: opening it takes seconds, closing it ends the sandbox.

    Opening raises SetupError for data or a device that cannot be had, KitError for probes without
    forms or checks that their text does not tell, and SandboxError for a machine that cannot run submissions, or not in
    isolation of level `min_isolation`. It grades the reference before anything else. Without full marks for it, `fault`
    says why, and nothing is graded after it.
    """

    def __init__(
        self,
        assignment: Assignment,
        *,
        data: Path | None = None,
        device: str = "cpu",
        min_isolation: int = MIN_ISOLATION,
    ):
        self.assignment, self.fault = assignment, ""
        self._data_folder, self._device, self._min_isolation = data, device, min_isolation

    def __enter__(self) -> Self:
        use_one_thread()
        harden_grader()
        self.assignment.kit.activate()
        # The sandbox loads torch in its own process while this one does the same.
        self.sandbox = Sandbox(self.assignment.probes, self.assignment.kit.root)
        try:
            self._load()
            self._grade_reference()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def close(self) -> None:
        self.sandbox.close()

    @property
    def isolation(self) -> Isolation:
        """What a worker can and cannot do here, as tried out inside one."""
        return self.sandbox.isolation

    def begin(
        self, submission: Submission, workers: "Workers | None" = None, left_out: tuple[str, ...] = ()
    ) -> "Grading":
        """The state of grading `submission`, before anything is asked. `workers`: a connection to the sandbox."""
        from cvaekit.grading.questions import Grading

        source = sources.read(submission, self.assignment)
        return Grading(self.assignment, submission, source, workers or self.sandbox, self.device, self.data, left_out)

    def grade(
        self,
        submission: Submission,
        *,
        workers: "Workers | None" = None,
        left_out: tuple[str, ...] = (),
        on_task: Callable[[Task], None] = lambda task: None,
    ) -> Report:
        """The report on one submission. Never raises for anything that a submission does.

        left_out: tasks that are not judged in this run, and so score nothing. A failure of the grader's own
        (SandboxError, a check or probe that breaks) makes the report `ungradable`; its traceback goes to stderr.
        """
        if self.fault:
            return self.ungradable(submission, self.fault)
        return self._grade(self.begin(submission, workers, left_out), on_task)

    def grade_many(
        self,
        submissions: Sequence[Submission],
        *,
        jobs: int = 1,
        left_out: Sequence[tuple[str, ...]] = (),
        on_task: Callable[[int, Task], None] = lambda index, task: None,
    ) -> Generator[tuple[int, Report]]:
        """Grade in forked processes, `jobs` at a time; yield (index, report) as each is finished.

        left_out: for each submission the tasks that are not judged. Leaving the iterator early ends what is running.
        """
        from cvaekit.grading import pool

        if self.fault:
            return ((index, self.ungradable(one, self.fault)) for index, one in enumerate(submissions))
        if len(submissions) > 3 * jobs:
            self.prepare_diagnosis()
        return pool.grade_many(self, submissions, jobs, left_out, on_task)

    def prepare_diagnosis(self) -> None:
        """Ask every known mistake the first question of its task, once for all submissions to come."""
        from cvaekit.explain import diagnosis

        diagnosis.learn_openings(self.assignment, self._reference_exchanges)

    def ungradable(self, submission: Submission, reason: str, tasks: list[TaskReport] | None = None) -> Report:
        """A report without a mark: the reason stands in the feedback of every task."""
        if tasks is None:
            tasks = [TaskReport(task.id, task.title, 0.0, task.points, "blocked", "") for task in self.assignment.tasks]
        for task in tasks:
            task.score, task.status, task.feedback = 0.0, "blocked", reason
        return self._report(submission, "ungradable", None, tasks, self.isolation.summary, "cpu", 0.0)

    def versions(self) -> dict[str, str]:
        return versions() | {"kit": self.assignment.digest}

    def _load(self) -> None:
        """Load what the grading processes inherit: torch, checks, data."""
        if self._device not in DEVICES:
            raise SetupError(f"--device {self._device}: choose auto, cpu or cuda")
        if self._device == "cuda" and "cuda" not in self.assignment.devices:
            raise SetupError(f"--device cuda: {self.assignment.name} is graded on the CPU only. Leave --device out.")
        import torch

        torch.set_num_threads(1)
        if self._device == "cuda" and not torch.cuda.is_available():
            raise SetupError("--device cuda: torch finds no GPU here; leave --device out to train on the CPU")
        usable = self._device != "cpu" and "cuda" in self.assignment.devices and torch.cuda.is_available()
        self.device = "cuda" if usable else "cpu"
        self.data = data_loader.load(self.assignment, self._data_folder)
        from cvaekit.grading import check_run

        check_run.load_checks(self.assignment)
        if self.isolation.level < self._min_isolation:
            raise SandboxError(
                f"this machine offers isolation {self.isolation.summary}. Grading wants level {self._min_isolation}: "
                "use a Linux machine on x86_64 (a plain container or WSL2 will do), or accept the risk with "
                f"--min-isolation {self.isolation.level}. `cvaekit doctor` shows the details."
            )

    def _grade_reference(self) -> None:
        """Grade the reference in this process, whose caches forked graders inherit. Sets `fault` without full marks."""
        from cvaekit import bank

        text = bank.solution(self.assignment)
        grading = self.begin(Submission("the reference", self.assignment.files[0], text.encode()))
        report = self._grade(grading)
        self._reference_exchanges = grading.exchanges
        lost = next((task for task in report.tasks if task.score < task.max_score), None)
        if report.score is None or lost:
            assert lost is not None  # an ungradable report has no points
            why = " ".join(lost.feedback.split())
            why += "" if why.endswith((".", "?")) else "."
            where = "" if report.score is None else f" It loses points in {lost.id}:"
            self.fault = (
                f"The reference of {self.assignment.name} does not get full marks, so nothing is graded.{where} {why}"
            )

    def _grade(self, grading: "Grading", on_task: Callable[[Task], None] = lambda task: None) -> Report:
        started = time.monotonic()
        submission = grading.submission
        try:
            tasks = _judge(grading, on_task)
        except SandboxError as error:
            return self.ungradable(submission, f"The grader's sandbox failed: {error}")
        finally:
            for trace in grading.traces:
                print(f"cvaekit: {submission.name}: {trace}", file=sys.stderr)
        if broken := next((check for task in tasks for check in task.checks if check.outcome == "error"), None):
            return self.ungradable(submission, f"A check of the grader's failed: {broken.id}: {broken.message}", tasks)
        extra = grading.worker_summary and f"training {grading.worker_summary}"
        summary = "; ".join(filter(None, (self.isolation.summary, extra)))
        score, seconds = round(sum(task.score for task in tasks), 2), round(time.monotonic() - started, 2)
        return self._report(submission, "graded", score, tasks, summary, grading.device_used, seconds)

    def _report(
        self,
        submission: Submission,
        outcome: Any,
        score: float | None,
        tasks: list[TaskReport],
        isolation: str,
        device: str,
        seconds: float,
    ) -> Report:
        return Report(
            assignment=self.assignment.name,
            outcome=outcome,
            submission={"name": submission.name, "sha256": submission.sha256},
            score=score,
            max_score=self.assignment.max_score,
            tasks=tasks,
            isolation={"level": self.isolation.level, "summary": isolation},
            device=device,
            seconds=seconds,
            versions=self.versions(),
        )


def versions() -> dict[str, str]:
    """Versions of what computes a mark."""
    import torch

    own = importlib.metadata.version("cvaekit")
    return {"cvaekit": own, "torch": str(torch.__version__), "python": platform.python_version()}


def _judge(grading: "Grading", on_task: Callable[[Task], None]) -> list[TaskReport]:
    """Run all checks on a submission, add up its marks, and name known mistakes."""
    from cvaekit.explain import diagnosis
    from cvaekit.grading import attribution, check_run, marks
    from cvaekit.grading.failure import with_hint
    from cvaekit.grading.pytest_plugin import ChecksPlugin

    tasks, source = grading.assignment.tasks, grading.source
    gaps = {task.id for task in tasks if task.gaps}
    if source.fault or set(source.open_gaps) >= gaps:  # nothing can be run, or nothing has been done yet
        return [marks.unjudged(grading, task, source.fault or "") for task in tasks]
    if source.note:
        grading.notes[tasks[0].id] = [source.note]
    with closing(grading):
        try:
            faults = marks.symbol_faults(grading)
        except SubmissionFailure as failure:
            fault = f"{grading.submission.filename} cannot be imported: it {grading.describe(failure)}."
            return [marks.unjudged(grading, task, fault) for task in tasks]
        plugin = ChecksPlugin(grading, faults, on_task)
        check_run.run_checks(plugin, check_run.judged(grading.assignment, grading.left_out))
        reports = attribution.attribute(grading, [marks.task_report(grading, task, plugin) for task in tasks])
    slow = {task.id for task in tasks if task.slow}  # for all of its mistakes that would take too long
    wrong = {report.id: report for report in reports if report.status == "wrong" and report.id not in slow}
    asked = {task_id: grading.exchanges.get(task_id, []) for task_id in wrong}
    for task_id, found in diagnosis.diagnose(grading.assignment, asked).items():
        wrong[task_id].mistake = found.mistake
        wrong[task_id].feedback = with_hint(wrong[task_id].feedback, found.hint)
        marks.credit_near_miss(wrong[task_id], found.keeps)
    return reports
