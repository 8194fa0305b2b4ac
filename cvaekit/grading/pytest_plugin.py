"""The pytest plugin that runs an assignment's checks against one submission.

A check is a test function in `graders/NAME/test_TASK.py`. Its docstring is the line that the report shows,
`@pytest.mark.points(n)` says what it is worth, and `@pytest.mark.core` that without it the task earns nothing.
"""

import traceback
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cvaekit.grading import failure as failures
from cvaekit.grading.questions import Grading, SubmissionHandle
from cvaekit.grading.replay import fixtures_of, replay
from cvaekit.manifest import Task
from cvaekit.sandbox import ProbeError


@dataclass
class CheckResult:
    """The result of one check. `outcome` is passed, failed, skipped, or error where the grader is at fault."""

    id: str
    task: str
    points: float
    outcome: str
    message: str
    seconds: float
    core: bool = False


PLUGIN = "cvaekit-checks"  # the name by which a ChecksPlugin is registered


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "points(number): what a check is worth")
    config.addinivalue_line("markers", "core: without this check its task earns nothing")


def function_of(item: pytest.Item) -> Callable[..., None]:
    """The test function that pytest made `item` of."""
    function: Callable[..., None] = item.function  # type: ignore[attr-defined]  # all checks are functions
    return function


def task_of(path: Path) -> str:
    """A check's task is its file's name."""
    return path.stem.removeprefix("test_")


@pytest.fixture(scope="module")
def submission(request: pytest.FixtureRequest) -> Iterator[SubmissionHandle]:
    """The submission as the checks of one task, which are one file, see it."""
    plugin: Any = request.config.pluginmanager.get_plugin(PLUGIN)
    grading: Grading = plugin.grading
    handle = SubmissionHandle(grading, grading.assignment.task(task_of(request.path)))
    yield handle
    handle.close()


class ChecksPlugin:
    """The hooks for one Grading. Register this module beside it, for its fixture."""

    def __init__(self, grading: Grading, faults: dict[str, str], on_task: Callable[[Task], None] = lambda task: None):
        self.grading = grading
        self.faults = faults  # task id -> Failure text for a task whose symbol is not there at all
        self.on_task = on_task
        self.results: list[CheckResult] = []
        self._checks: dict[str, Check] = {}  # by pytest's name of each
        self._errors: dict[str, str] = {}
        self._task: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        order = [task.id for task in self.grading.assignment.tasks]
        items.sort(key=lambda item: order.index(task_of(item.path)))

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        task = self.grading.assignment.task(task_of(item.path))
        if task.id != self._task:
            self._task = task.id
            self.on_task(task)
        if task.id in self.grading.source.open_gaps:
            pytest.skip(self.grading.source.open_gaps[task.id])
        if blocker := self.blocker(task):
            pytest.skip(f"Waits for {blocker}.")
        if task.id in self.faults:
            pytest.fail(self.faults[task.id], pytrace=False)

    def blocker(self, task: Task) -> str | None:
        """The first task that has to work before `task` can be judged, and does not."""
        for needed in task.depends_on:
            if needed in self.grading.source.open_gaps or needed in self.grading.unresponsive or needed in self.faults:
                return needed
        return None

    @pytest.hookimpl(tryfirst=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function) -> bool:
        """Replay a check's recorded examples; where that fails, have hypothesis run it, for the smallest example."""
        try:
            self._call(pyfuncitem)
        except Exception as error:
            failure = failures.find(error)
            if failure is None:
                raise
        else:
            return True
        # The text here and now: formatting a traceback would take longer than the check.
        return pytest.fail(self._text(failure, pyfuncitem), pytrace=False)

    def _call(self, item: pytest.Function) -> None:
        check = function_of(item)
        fixtures = {name: item.funcargs[name] for name in fixtures_of(check)}
        asked = self.grading.exchanges.setdefault(task_of(item.path), [])
        before = len(asked)
        try:
            replay(check, fixtures)
        except Exception as first:
            if not hasattr(check, "hypothesis"):
                raise
            del asked[before:]  # hypothesis asks all of it again, and more
            check(**fixtures)
            if failures.find(first):  # a submission that answers otherwise when it is asked again
                raise

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        self._checks[item.nodeid] = Check.of(item)
        if call.excinfo is None or report.outcome != "failed":
            return report
        if failure := failures.find(call.excinfo.value):  # in a fixture
            report.longrepr = self._text(failure, item)
        elif not call.excinfo.errisinstance(pytest.fail.Exception):
            error = call.excinfo.value
            self._errors[item.nodeid] = f"{call.excinfo.typename}: {error}"
            trace = error.trace if isinstance(error, ProbeError) else "".join(traceback.format_exception(error))
            self.grading.traces.append(f"{Check.of(item).id}\n{trace}")
        return report

    def _text(self, failure: failures.Failure, item: pytest.Item) -> str:
        return failure.text(self.grading.assignment.task(task_of(item.path)).hint)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # A check has one result: its call, or the setup that kept it from being called, or the teardown that broke.
        if report.when != "call" and report.outcome == "passed":
            return
        self.results.append(self._result(report))

    def _result(self, report: pytest.TestReport) -> CheckResult:
        check = self._checks[report.nodeid]
        outcome: str = report.outcome
        message = check.description
        if report.nodeid in self._errors:
            outcome, message = "error", self._errors[report.nodeid]
        elif report.outcome == "failed":
            message = str(report.longrepr)
        elif report.outcome == "skipped" and isinstance(report.longrepr, tuple):
            message = report.longrepr[2].removeprefix("Skipped: ")
        return CheckResult(check.id, check.task, check.points, outcome, message, round(report.duration, 3), check.core)


@dataclass(frozen=True)
class Check:
    """A test function as pytest collects it. `description` is the line that the report shows."""

    task: str
    name: str
    points: float
    description: str
    core: bool

    @property
    def id(self) -> str:
        return f"{self.task}.{self.name}"

    @classmethod
    def of(cls, item: pytest.Item) -> "Check":
        task = task_of(item.path)
        marker = item.get_closest_marker("points")
        description = (function_of(item).__doc__ or item.name).strip().splitlines()[0]
        points = float(marker.args[0]) if marker else 0.0
        core = item.get_closest_marker("core") is not None
        return cls(task, item.name.removeprefix("test_"), points, description, core)
