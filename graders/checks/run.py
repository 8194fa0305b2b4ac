"""Grade one submission: read it, import it in a worker, run the checks, and put the report together."""

import importlib.metadata
import os
import platform
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis.configuration import set_hypothesis_home_dir

from graders.checks import diagnosis
from graders.checks import failure as failures
from graders.checks import plugin as plugins
from graders.checks.asking import Grading, Workers
from graders.checks.inprocess import InProcess
from graders.checks.plugin import CheckResult, ChecksPlugin
from graders.manifest import Manifest, Task
from graders.report.model import CheckReport, Report, TaskReport
from graders.sandbox import Isolation, SandboxError, SubmissionFailure
from graders.submission import source as sources
from graders.submission.intake import Submission

# What a check needs none of; the last two collect garbage five times over at the end of each run.
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
# Hypothesis keeps files in the folder it is called from, and reads them back: not from a submission's, if you please.
_HYPOTHESIS_HOME = tempfile.TemporaryDirectory(prefix="cvaekit-")
set_hypothesis_home_dir(_HYPOTHESIS_HOME.name)
LEFT_OUT = "Left out of this run."
INI = Path(__file__).with_name("checks.ini")


def grade(
    submission: Submission,
    manifest: Manifest,
    workers: Workers,
    isolation: Isolation,
    *,
    device: str = "cpu",
    data: Any = None,
    left_out: tuple[str, ...] = (),
    on_task: Callable[[Task], None] = lambda task: None,
) -> Report:
    """The report on one submission. Never raises for anything that a submission does.

    `left_out` names tasks that are not judged in this run, and so score nothing.

    A failure of the grader's own (SandboxError, a check that breaks) makes the report `ungradable`.
    """
    started = time.monotonic()
    try:
        grading = Grading(manifest, submission, sources.read(submission, manifest), workers, device, data, left_out)
        tasks = _judge(grading, on_task)
    except SandboxError as error:
        return ungradable(submission, manifest, isolation, f"The grader's sandbox failed: {error}")
    broken = next((check for task in tasks for check in task.checks if check.outcome == "error"), None)
    if broken:
        reason = f"A check of the grader's failed: {broken.id}: {broken.message}"
        return ungradable(submission, manifest, isolation, reason, tasks)
    summaries = (isolation.summary, grading.worker_summary and f"training {grading.worker_summary}")
    return Report(
        assignment=manifest.name,
        outcome="graded",
        submission={"name": submission.name, "sha256": submission.sha256},
        score=round(sum(task.score for task in tasks), 2),
        max_score=manifest.max_score,
        tasks=tasks,
        training=grading.training,
        isolation={"level": isolation.level, "summary": "; ".join(filter(None, summaries))},
        seconds=round(time.monotonic() - started, 2),
        versions=versions(),
    )


def ungradable(
    submission: Submission,
    manifest: Manifest,
    isolation: Isolation,
    reason: str,
    tasks: list[TaskReport] | None = None,
) -> Report:
    """A report without a mark: the reason stands in the feedback of every task."""
    if tasks is None:
        tasks = [TaskReport(task.id, task.title, 0.0, task.points, "blocked", "") for task in manifest.tasks]
    for task in tasks:
        task.score, task.status, task.feedback = 0.0, "blocked", reason
    return Report(
        manifest.name,
        "ungradable",
        {"name": submission.name, "sha256": submission.sha256},
        None,
        manifest.max_score,
        tasks,
        None,
        {"level": isolation.level, "summary": isolation.summary},
        0.0,
        versions(),
    )


def versions() -> dict[str, str]:
    return {
        "cvaekit": importlib.metadata.version("cvaekit"),
        "torch": str(torch.__version__),
        "python": platform.python_version(),
    }


def _judge(grading: Grading, on_task: Callable[[Task], None]) -> list[TaskReport]:
    manifest, source = grading.manifest, grading.source
    gaps = {task.id for task in manifest.tasks if task.gaps}
    if source.fault or set(source.open_gaps) >= gaps:  # nothing can be run, or nothing has been done yet
        return [_unjudged(grading, task, source.fault or "") for task in manifest.tasks]
    with closing(grading):
        try:
            faults = missing(grading)
        except SubmissionFailure as failure:
            fault = f"{grading.submission.filename} cannot be imported: it {grading.describe(failure)}."
            return [_unjudged(grading, task, fault) for task in manifest.tasks]
        plugin = ChecksPlugin(grading, faults, on_task)
        run_checks(manifest, plugin, left_out=grading.left_out)
    reports = [_task_report(grading, task, plugin) for task in manifest.tasks]
    slow = {task.id for task in manifest.tasks if task.slow}  # for all of its mistakes that would take too long
    wrong = {report.id: report for report in reports if report.status == "wrong" and report.id not in slow}
    for task_id, found in diagnosis.diagnose(grading, list(wrong)).items():
        wrong[task_id].mistake = found.mistake
        wrong[task_id].feedback = failures.with_hint(wrong[task_id].feedback, found.hint)
    return reports


def missing(grading: Grading) -> dict[str, str]:
    """Task id -> what is wrong with its symbol, for the symbols that are not there or not of the right kind.

    Imports the submission for that; SubmissionFailure when it cannot be imported.
    """
    manifest, filename = grading.manifest, grading.submission.filename
    names = {name for task in manifest.tasks for name in (task.symbol.split(".")[0], task.symbol)}
    found = grading.definitions(sorted(names))
    faults = {}
    for task in manifest.tasks:
        owner, _, method = task.symbol.partition(".")
        for name, kind in ((owner, "class" if method else "function"), (task.symbol, "function")):
            if found[name] == "missing":
                faults[task.id] = (
                    f"{filename} defines no {name}.\nHint: The name is looked up as the starter spells it; "
                    "was it renamed, misspelled, or indented out of its place?"
                )
            elif found[name] != kind and not (kind == "function" and found[name] == "class"):
                faults[task.id] = f"{name} should be a {kind}; what {filename} defines by this name is not one."
            else:
                continue
            break
    return faults


def warm(manifest: Manifest) -> None:
    """Import everything that grading needs, so that forked graders inherit it."""
    empty = Submission("", "")
    grading = Grading(manifest, empty, sources.Source(), workers=None)  # type: ignore[arg-type]  # nothing is asked
    run_checks(manifest, ChecksPlugin(grading, {}), "--collect-only")


def rehearse(manifest: Manifest) -> None:
    """Judge the reference in this process, so that forked graders inherit all that the first time costs: the grader's
    half of a submission then takes two thirds of its time. The reference's own worth is for tests to say."""
    reference = Submission("", manifest.files[0], diagnosis.load(manifest.name).reference.encode())
    slow = tuple(task.id for task in manifest.tasks if task.slow)
    source, workers = sources.read(reference, manifest), InProcess(manifest.probes)
    grading = Grading(manifest, reference, source, workers, left_out=slow)
    _judge(grading, lambda task: None)
    diagnosis.learn_openings(manifest, grading.exchanges)


def run_checks(manifest: Manifest, plugin: ChecksPlugin, *options: str, left_out: tuple[str, ...] = ()) -> None:
    """Run an assignment's check files through pytest, quietly, untouched by the caller's environment."""
    for variable in ("PYTEST_ADDOPTS", "PYTEST_PLUGINS"):
        os.environ.pop(variable, None)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    folder = manifest.folder
    files = [str(folder / f"test_{task.id}.py") for task in manifest.tasks if task.id not in left_out]
    arguments = [*files, "-c", str(INI), f"--rootdir={folder}", "--noconftest", "--import-mode=importlib"]
    quiet = [f"-pno:{name}" for name in UNUSED_PLUGINS]
    code = pytest.main([*arguments, *quiet, *options], plugins=[plugin, plugins])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED):
        raise SandboxError(f"pytest ended with {code!r} instead of running the checks")


def _unjudged(grading: Grading, task: Task, fault: str) -> TaskReport:
    """A task of which no check ran: still open, waiting for one that is, or in a file that cannot be run."""
    report = TaskReport(task.id, task.title, 0.0, task.points, "wrong", fault)
    gaps = grading.source.open_gaps
    first_gap = next((other.id for other in grading.manifest.tasks if other.id in gaps), None)
    if task.id in gaps:
        report.status, report.feedback = "not_attempted", gaps[task.id]
    elif first_gap is not None:
        report.status, report.blocked_by = "blocked", next((n for n in task.depends_on if n in gaps), first_gap)
        report.feedback = fault or f"Waits for {report.blocked_by}."
    return report


def _task_report(grading: Grading, task: Task, plugin: ChecksPlugin) -> TaskReport:
    results = [result for result in plugin.results if result.task == task.id]
    checks = [CheckReport(r.id, r.outcome, r.message, r.seconds) for r in results]
    score = round(sum(result.points for result in results if result.outcome == "passed"), 2)
    report = TaskReport(task.id, task.title, score, task.points, "wrong", "", None, None, [], checks)
    report.notes = grading.notes.get(task.id, [])
    failed = [result for result in results if result.outcome == "failed"]
    if task.id in grading.left_out:
        report.status, report.feedback = "blocked", LEFT_OUT
    elif task.id in grading.source.open_gaps:
        report.status, report.feedback = "not_attempted", grading.source.open_gaps[task.id]
    elif blocker := plugin.blocker(task):
        report.status, report.blocked_by, report.feedback = "blocked", blocker, f"Waits for {blocker}."
    elif results and all(result.outcome == "passed" for result in results):
        report.status, report.feedback = "right", "All checks passed."
    elif task.id in plugin.faults:
        report.feedback = plugin.faults[task.id]
    else:
        report.feedback = _feedback(failed, results)
        broken = next((n for n in task.depends_on if any(_is_failed(r, n) for r in plugin.results)), None)
        if broken and grading.training is None:  # it could not even run
            report.status, report.blocked_by = "blocked", broken
            report.feedback = f"Waits for {broken}."
        elif broken:
            report.feedback += f"\nRepair {broken} first: this task builds on it."
    return report


def _is_failed(result: CheckResult, task_id: str) -> bool:
    return result.task == task_id and result.outcome == "failed"


def _feedback(failed: list[CheckResult], results: list[CheckResult]) -> str:
    if not failed:
        return next((result.message for result in results if result.outcome != "passed"), "")
    more = len(failed) - 1
    also = f"\n{more} more of the {len(results)} checks of this task failed." if more else ""
    return failed[0].message + also
