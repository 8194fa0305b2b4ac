"""Find out which of several tasks in one function a fault belongs to: judge each with the others' lines taken out."""

from dataclasses import replace

from cvaekit.grading import check_run, marks
from cvaekit.grading.pytest_plugin import ChecksPlugin
from cvaekit.grading.questions import Grading
from cvaekit.manifest import Task
from cvaekit.report.model import TaskReport
from cvaekit.sandbox import SubmissionFailure
from cvaekit.submission.isolation import isolated, neighbours

NOTE = "Judged without the lines of {}: what is wrong there is not held against this task."


def attribute(grading: Grading, reports: list[TaskReport]) -> list[TaskReport]:
    """Return `reports` with those replaced that paid for a neighbour's fault, or that a neighbour paid for.

    A task that is wrong in the whole and right alone is right. One that is right in the whole and wrong alone is wrong
    if a neighbour paid for it: two faults may cancel, and a difference may hide a constant.
    """
    by_id = {report.id: report for report in reports}
    done: set[str] = set()
    for task in grading.assignment.tasks:
        group = neighbours(grading.assignment, task)
        if task.id in done or len(group) < 2:
            continue
        done |= {other.id for other in group}
        if not {by_id[other.id].status for other in group} <= {"right", "wrong"}:
            continue
        wrong = [other for other in group if by_id[other.id].status == "wrong"]
        alone = {other.id: _alone(grading, other) for other in wrong}
        cleared = [name for name, report in alone.items() if report and report.status == "right"]
        if not cleared:
            continue  # nobody has paid for a neighbour
        alone |= {other.id: _alone(grading, other) for other in group if other not in wrong}
        found = {name: report for name, report in alone.items() if report}
        if all(report.status == "right" for report in found.values()):
            continue  # the fault is in none of them alone
        for name, report in found.items():
            if name in cleared:
                others = ", ".join(other.id for other in group if other.id != name)
                by_id[name] = replace(report, notes=[*report.notes, NOTE.format(others)])
            elif report.status != by_id[name].status:
                by_id[name] = report
    return [by_id[report.id] for report in reports]


def _alone(grading: Grading, task: Task) -> TaskReport | None:
    """Judge one task with its neighbours' lines taken out; None where they cannot be."""
    source = isolated(grading.source, grading.assignment, task)
    if source is None:
        return None
    left_out = tuple(other.id for other in grading.assignment.tasks if other.id != task.id)
    again = replace(
        grading, source=source, left_out=left_out, notes={}, metrics={}, exchanges={}, unresponsive={}, alone=True
    )
    try:
        plugin = ChecksPlugin(again, marks.symbol_faults(again))
        check_run.run_checks(plugin, check_run.judged(again.assignment, left_out))
    except SubmissionFailure:
        return None
    finally:
        again.close()
    return marks.task_report(again, task, plugin)
