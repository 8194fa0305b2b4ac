"""Compare the report on a real-life file with the mark that the file should get."""

from dataclasses import dataclass

from cvaekit.kit import Assignment
from cvaekit.real_life import RealLife
from cvaekit.report.model import Report


@dataclass(frozen=True)
class FileVerdict:
    """One file or folder, graded.

    loses: ids of the tasks that must lose points. judged: ids of the tasks that were judged. lost: points by task.
    problem: why the mark is not the right one. says: what the report tells the student about the first task concerned.
    """

    id: str
    path: str
    note: str
    loses: list[str]
    judged: list[str]
    lost: dict[str, float]
    problem: str | None
    says: str | None
    seconds: float


def judge_file(entry: RealLife, report: Report, assignment: Assignment, left_out: tuple[str, ...]) -> FileVerdict:
    """The verdict on `entry`, which got `report`."""
    judged = [task for task in report.tasks if task.id not in left_out]
    lost = {task.id: round(task.max_score - task.score, 2) for task in judged if task.score < task.max_score}
    # What builds on a task that loses points may suffer with it.
    allowed = {*entry.loses, *(task.id for task in assignment.tasks if not {*entry.loses}.isdisjoint(task.depends_on))}
    more, kept = [task for task in lost if task not in allowed], [task for task in entry.loses if task not in lost]
    named = [task for task in judged if task.mistake and task.id not in allowed]
    problem = None
    if report.outcome != "graded":
        problem, more = "could not be graded", [task.id for task in judged]
    elif more:
        problem = f"{'loses' if entry.loses else 'is right, and loses'} points in {', '.join(more)}"
        problem += " too" if entry.loses else ""
    elif kept:
        problem = f"keeps all points in {', '.join(kept)}"
    elif named:
        problem = f"is diagnosed as {', '.join(str(task.mistake) for task in named)} in a task that is right"
    says = next((task.feedback for task in judged if task.id in more), None)
    return FileVerdict(
        entry.id,
        entry.path,
        entry.note,
        list(entry.loses),
        [task.id for task in judged],
        lost,
        problem,
        says,
        report.seconds,
    )
