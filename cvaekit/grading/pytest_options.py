"""Hooks for a kit's `graders/conftest.py`: run checks by hand with `pytest graders/NAME --submission PATH`."""

from pathlib import Path

import pytest

from cvaekit.kit import MANIFEST, Assignment, Kit, KitError

USAGE = "pytest graders/NAME --submission PATH"


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cvaekit")
    group.addoption("--submission", metavar="PATH", help="the submission to run the hidden checks against")
    group.addoption("--device", default="cpu", choices=["cpu", "cuda"], help="where to train (default: cpu)")
    group.addoption("--data", metavar="FOLDER", type=Path, help="where the assignment's full data set is")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--submission"):
        try:
            _register(config, Path(path))
        except KitError as error:
            raise pytest.UsageError(str(error)) from error


def pytest_collection(session: pytest.Session) -> None:
    if not session.config.getoption("--submission") and not session.config.option.help:
        raise pytest.UsageError(f"the hidden checks need a submission: {USAGE}")


def _register(config: pytest.Config, path: Path) -> None:
    """Open a session for this pytest run and register the plugin; pytest.UsageError when that cannot be."""
    from cvaekit.grading import marks, pytest_plugin  # slow to import, and not needed without a submission
    from cvaekit.grading.data import SetupError
    from cvaekit.grading.session import Session
    from cvaekit.sandbox import SandboxError, SubmissionFailure
    from cvaekit.submission import intake

    assignment = _assignment(config)
    try:
        submission = intake.find(path, assignment)
        session = Session(assignment, device=config.getoption("--device"), data=config.getoption("--data")).__enter__()
        config.add_cleanup(session.close)
        if session.fault:
            raise pytest.UsageError(session.fault)
        grading = session.begin(submission)
        if grading.source.fault:
            raise pytest.UsageError(grading.source.fault)
        faults = marks.symbol_faults(grading)
    except SubmissionFailure as failure:
        raise pytest.UsageError(f"{submission.filename} {grading.describe(failure)}") from failure
    except (intake.UnreadableInputError, SandboxError, SetupError) as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(pytest_plugin)
    config.pluginmanager.register(pytest_plugin.ChecksPlugin(grading, faults), pytest_plugin.PLUGIN)


def _assignment(config: pytest.Config) -> Assignment:
    """The one assignment whose checks are to be run."""
    folders = {Path(argument.split("::")[0]).resolve() for argument in config.args}
    found = {
        (folder.parents[1], folder.name)
        for path in folders
        for folder in (path, path.parent)
        if (folder / MANIFEST).is_file()
    }
    if len(found) != 1:
        raise pytest.UsageError(f"name the checks of one assignment: {USAGE}")
    root, name = found.pop()
    return Kit(root).assignment(name)
