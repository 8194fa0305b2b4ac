"""Set up the checks plugin when pytest was called by hand, with `--submission PATH`."""

from pathlib import Path

import pytest

from graders import digits, manifest
from graders.checks import plugin as plugins
from graders.checks.asking import Grading
from graders.checks.plugin import ChecksPlugin
from graders.checks.run import missing
from graders.sandbox import Sandbox, SandboxError, SubmissionFailure, harden_grader
from graders.submission import intake
from graders.submission import source as sources

MIN_ISOLATION = 2


def register(config: pytest.Config, path: str) -> None:
    """Start a sandbox for this pytest run and register the plugin; pytest.UsageError when that cannot be."""
    folders = [Path(argument.split("::")[0]).resolve() for argument in config.args]
    names = {parent.name for folder in folders for parent in (folder, folder.parent)} & set(manifest.assignments())
    if len(names) != 1:
        raise pytest.UsageError("name the checks of one assignment: pytest graders/<assignment> --submission PATH")
    assignment = manifest.load(names.pop())
    try:
        submission = intake.find(Path(path), assignment)
    except intake.UnreadableInputError as error:
        raise pytest.UsageError(str(error)) from error
    source = sources.read(submission, assignment)
    if source.fault:
        raise pytest.UsageError(source.fault)
    harden_grader()
    sandbox = Sandbox(assignment.probes)
    config.add_cleanup(sandbox.close)
    try:
        if sandbox.isolation.level < MIN_ISOLATION:
            raise pytest.UsageError(f"{sandbox.isolation.summary}: too little to run a submission; see cvaekit doctor")
        grading = Grading(assignment, submission, source, sandbox, config.getoption("--device"), digits.load())
        faults = missing(grading)
    except SubmissionFailure as failure:
        raise pytest.UsageError(f"{submission.filename} {grading.describe(failure)}") from failure
    except (SandboxError, digits.DataError) as error:
        raise pytest.UsageError(str(error)) from error
    config.pluginmanager.register(plugins)
    config.pluginmanager.register(ChecksPlugin(grading, faults))
