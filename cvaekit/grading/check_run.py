"""Run an assignment's check files through pytest."""

import os
import tempfile
import warnings
from functools import cache
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from cvaekit.grading import pytest_plugin
from cvaekit.grading.form import forms
from cvaekit.grading.pytest_plugin import PLUGIN, Check, ChecksPlugin, function_of, task_of
from cvaekit.grading.replay import recorded_calls
from cvaekit.kit import Assignment, KitError, shown
from cvaekit.manifest import core_checks, listed, points_of_checks
from cvaekit.sandbox import SandboxError

# Plugins that no check needs; the last two collect garbage five times over at the end of each run.
UNUSED_PLUGINS = (
    "terminal",
    "cacheprovider",
    "capture",
    "logging",
    "faulthandler",
    "junitxml",
    "doctest",
    "unraisableexception",
    "threadexception",
)
# Hypothesis stores examples in the working directory, which may be a submission's, and reads them back.
_HYPOTHESIS_HOME = tempfile.TemporaryDirectory(prefix="cvaekit-")
set_hypothesis_home_dir(_HYPOTHESIS_HOME.name)
INI = Path(__file__).with_name("checks.ini")


class _Collector:
    """The hooks that keep what pytest collects, and have it run nothing."""

    def __init__(self) -> None:
        self.items: list[pytest.Item] = []
        self.errors: list[str] = []  # of files that cannot be imported

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self.errors.append(f"{report.nodeid}\n{report.longreprtext}")

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.items = session.items
        return True


@cache
def collected(assignment: Assignment) -> list[pytest.Item]:
    """All checks in the order of their tasks, collected once, with no configuration of the caller's.

    Raises SandboxError where they cannot be imported.
    """
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    files = [str(assignment.checks_of(task)) for task in assignment.tasks]
    arguments = [*files, "-c", str(INI), f"--rootdir={assignment.folder}", "--noconftest", "--import-mode=importlib"]
    collector = _Collector()
    code = pytest.main([*arguments, *(f"-pno:{name}" for name in UNUSED_PLUGINS)], plugins=[collector, pytest_plugin])
    if code is not pytest.ExitCode.OK:
        failed = "\n".join(collector.errors) or f"pytest ended with {code!r}"
        raise SandboxError(f"the checks of {assignment.name} cannot be run: {failed}")
    return collector.items


def run_checks(plugin: ChecksPlugin, items: list[pytest.Item]) -> None:
    """Run `items`, some of those collected, as pytest's own loop does. `plugin` holds the results."""
    if not items:
        return
    manager = items[0].config.pluginmanager
    manager.register(plugin, PLUGIN)
    try:
        for item, following in zip(items, [*items[1:], None], strict=True):
            item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)
    finally:
        manager.unregister(plugin)


def judged(assignment: Assignment, left_out: tuple[str, ...]) -> list[pytest.Item]:
    """The checks of all tasks but `left_out`."""
    return [item for item in collected(assignment) if task_of(item.path) not in left_out]


def load_checks(assignment: Assignment) -> None:
    """Import all checks and probes, and draw the examples of the checks, so that forked graders inherit them.

    Raises KitError where pytest finds other checks than those whose points the manifest was held against.
    """
    forms(assignment)
    checks = [Check.of(item) for item in collected(assignment)]
    for task in assignment.tasks:
        found = {check.name: check.points for check in checks if check.task == task.id}
        written = dict(points_of_checks(path := assignment.checks_of(task)))
        core = {check.name for check in checks if check.task == task.id and check.core}
        if found != written or core != core_checks(path):
            raise KitError(
                f"{shown(path)}: its text holds the checks {listed(written)}, and pytest finds {listed(found)}; write "
                "each as one function with its own marks (points, core), without parametrize, classes or pytestmark"
            )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # hypothesis warns where this happens while another pytest starts
        for item in collected(assignment):
            recorded_calls(function_of(item))
