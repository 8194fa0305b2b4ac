"""Add up marks: from the results of checks to a status, a score and feedback for each task.

The core checks of a task decide whether there is an answer: without them it earns nothing, unless it is a near miss,
which keeps what the list of known mistakes says. The other checks take their own points away.
"""

from cvaekit.grading.pytest_plugin import CheckResult, ChecksPlugin
from cvaekit.grading.questions import Grading
from cvaekit.manifest import Task
from cvaekit.report.model import CheckReport, TaskReport

LEFT_OUT = "Left out of this run."
CORE = "This is what the task is about: without it, it earns no points."


def symbol_faults(grading: Grading) -> dict[str, str]:
    """Task id -> feedback, for the tasks whose symbol is missing or of the wrong kind.

    Imports the submission for that; SubmissionFailure when it cannot be imported.
    """
    tasks, filename = grading.assignment.tasks, grading.submission.filename
    names = {name for task in tasks for name in (task.symbol.split(".")[0], task.symbol)}
    found = grading.definitions(sorted(names))
    faults = {}
    for task in tasks:
        owner, _, method = task.symbol.partition(".")
        for name, kind in ((owner, "class" if method else "function"), (task.symbol, "function")):
            if found[name] == "missing":
                faults[task.id] = (
                    f"{filename} defines no {name}.\nHint: The name is looked up as the starter spells it; "
                    "was it renamed, misspelled, or indented out of its place?"
                )
            elif found[name] not in (kind, "failed") and not (kind == "function" and found[name] == "class"):
                faults[task.id] = f"{name} should be a {kind}; what {filename} defines by this name is not one."
            else:
                continue
            break
    return faults


def unjudged(grading: Grading, task: Task, fault: str) -> TaskReport:
    """The report on a task of which no check ran: still open, waiting for one that is, or in a file with a `fault`."""
    report = TaskReport(task.id, task.title, 0.0, task.points, "wrong", fault)
    gaps = grading.source.open_gaps
    first_gap = next((other.id for other in grading.assignment.tasks if other.id in gaps), None)
    if task.id in gaps:
        report.status, report.feedback = "not_attempted", gaps[task.id]
    elif first_gap is not None:
        report.status, report.blocked_by = "blocked", next((n for n in task.depends_on if n in gaps), first_gap)
        report.feedback = fault or f"Waits for {report.blocked_by}."
    return report


def task_report(grading: Grading, task: Task, plugin: ChecksPlugin) -> TaskReport:
    """The report on a task whose checks ran: the points of the checks that passed, and what to say of the others."""
    results = [result for result in plugin.results if result.task == task.id]
    report = TaskReport(task.id, task.title, 0.0, task.points, "wrong", "")
    if all(result.outcome == "passed" for result in results if result.core):
        report.score = round(sum(result.points for result in results if result.outcome == "passed"), 2)
    report.checks = [CheckReport(r.id, r.outcome, r.message, r.seconds) for r in results]
    report.notes = grading.notes.get(task.id, [])
    report.metrics = grading.metrics.get(task.id, [])
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
        _explain(report, results, next((n for n in task.depends_on if _has_failed(plugin, n)), None))
    return report


def credit_near_miss(report: TaskReport, keeps: float) -> None:
    """Give a task that is wrong the points of the near miss that it is."""
    if keeps > report.score:
        report.score = keeps
        report.feedback = report.feedback.replace(f"\n{CORE}", "")
        report.feedback += f"\nThis is close, and keeps {keeps:g} of {report.max_score:g} points."


def _explain(report: TaskReport, results: list[CheckResult], broken: str | None) -> None:
    """Say what failed; `broken` is a task that failed and that this one builds on."""
    failed = [result for result in results if result.outcome == "failed"]
    if broken and not report.metrics:  # nothing could be measured
        report.status, report.blocked_by, report.feedback = "blocked", broken, f"Waits for {broken}."
        return
    if failed:
        failed.sort(key=lambda result: not result.core)  # the task itself first, then what belongs to it
        report.feedback = failed[0].message
        if more := len(failed) - 1:
            report.feedback += f"\n{more} more of the {len(results)} checks of this task failed."
        if failed[0].core and len(failed) < len(results):
            report.feedback += f"\n{CORE}"
    else:
        report.feedback = next((result.message for result in results if result.outcome != "passed"), "")
    if broken:
        report.feedback += f"\nRepair {broken} first: this task builds on it."


def _has_failed(plugin: ChecksPlugin, task_id: str) -> bool:
    return any(result.task == task_id and result.outcome == "failed" for result in plugin.results)
