"""Run an assignment's check files through pytest."""

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

from cvaekit.grading import pytest_plugin
from cvaekit.grading.form import forms
from cvaekit.grading.pytest_plugin import ChecksPlugin
from cvaekit.grading.questions import Grading
from cvaekit.kit import Assignment, KitError, shown
from cvaekit.manifest import core_checks, listed, points_of_checks
from cvaekit.sandbox import SandboxError
from cvaekit.submission.intake import Submission
from cvaekit.submission.source import Source

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


def run_checks(assignment: Assignment, plugin: ChecksPlugin, *options: str, left_out: tuple[str, ...] = ()) -> None:
    """Run the checks of all tasks but `left_out`, quietly, with no configuration of the caller's."""
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    files = [str(assignment.checks_of(task)) for task in assignment.tasks if task.id not in left_out]
    arguments = [*files, "-c", str(INI), f"--rootdir={assignment.folder}", "--noconftest", "--import-mode=importlib"]
    quiet = [f"-pno:{name}" for name in UNUSED_PLUGINS]
    code = pytest.main([*arguments, *quiet, *options], plugins=[plugin, pytest_plugin])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        failed = "\n".join(plugin.collection_errors) or f"pytest ended with {code!r}"
        raise SandboxError(f"the checks of {assignment.name} cannot be run: {failed}")


def load_checks(assignment: Assignment) -> None:
    """Import all checks and probes, so that forked graders inherit them.

    Raises KitError where pytest finds other checks than those whose points the manifest was held against.
    """
    forms(assignment)
    nothing = Grading(assignment, Submission("", ""), Source(), workers=None)  # type: ignore[arg-type]  # nothing is asked
    plugin = ChecksPlugin(nothing, {})
    run_checks(assignment, plugin, "--collect-only")
    for task in assignment.tasks:
        found = {check.name: check.points for check in plugin.checks.values() if check.task == task.id}
        written = dict(points_of_checks(path := assignment.checks_of(task)))
        core = {check.name for check in plugin.checks.values() if check.task == task.id and check.core}
        if found != written or core != core_checks(path):
            raise KitError(
                f"{shown(path)}: its text holds the checks {listed(written)}, and pytest finds {listed(found)}; write "
                "each as one function with its own marks (points, core), without parametrize, classes or pytestmark"
            )
