"""Compare the report on an entry of the banks with what the entry should get."""

from dataclasses import dataclass
from typing import Literal

from cvaekit.bank import Ambiguous, Entry, Mistake, Nothing
from cvaekit.kit import Assignment
from cvaekit.report.model import Report

Kind = Literal["mistake", "variant", "ambiguous", "nothing"]
KINDS: dict[type[Entry], Kind] = {Mistake: "mistake", Ambiguous: "ambiguous", Nothing: "nothing"}
Diagnosed = Literal["itself", "its group", "another", "nothing", "not asked"]


@dataclass(frozen=True)
class Verdict:
    """One entry, graded.

    wrong: whether it has to lose points. judged: ids of the tasks that were judged. lost: points by task. kept, why:
    points of its own task, and the reason where they are some of them. failed: ids of the failed checks of any task.
    diagnosed: as what, in the entry's own task. problem: why the graders or the entry must be mended.
    """

    id: str
    kind: Kind
    task: str
    about: str
    wrong: bool
    judged: list[str]
    lost: dict[str, float]
    kept: float
    why: str
    failed: list[str]
    diagnosed: Diagnosed
    mistake: str | None
    problem: str | None
    seconds: float

    @property
    def killed_by(self) -> list[str]:
        """The checks of the entry's own task that failed."""
        return [check for check in self.failed if check.startswith(f"{self.task}.")]

    @property
    def elsewhere(self) -> list[str]:
        """The checks of other tasks that failed."""
        return [check for check in self.failed if check not in self.killed_by]

    @property
    def alone(self) -> bool:
        """Whether points were lost in the entry's own task, and in no other."""
        return set(self.lost) == {self.task}


def is_wrong(entry: Entry) -> bool:
    """Whether an entry has to lose points."""
    return isinstance(entry, Mistake | Nothing) or (isinstance(entry, Ambiguous) and not entry.accepted)


def judge(entry: Entry, report: Report, assignment: Assignment, left_out: tuple[str, ...]) -> Verdict:
    """The verdict on `entry`, whose submission got `report`."""
    kind = KINDS.get(type(entry), "variant")
    about = getattr(entry, "symptom", "") or getattr(entry, "policy", "") or getattr(entry, "note", "")
    own = next(task for task in report.tasks if task.id == entry.task)
    # What builds on the entry's task may suffer with it: that is what building on it means.
    builds_on = {task.id for task in assignment.tasks if entry.task in task.depends_on}
    lost = {
        task.id: round(task.max_score - task.score, 2)
        for task in report.tasks
        if task.score < task.max_score and task.id not in left_out
    }
    failed = [check.id for task in report.tasks for check in task.checks if check.outcome == "failed"]
    diagnosed = _diagnosed(entry, own.mistake) if own.id in lost else "not asked"
    return Verdict(
        entry.id,
        kind,
        entry.task,
        about,
        is_wrong(entry),
        [task.id for task in report.tasks if task.id not in left_out],
        lost,
        own.score,
        _reason(entry, own.score, own.max_score),
        failed,
        diagnosed,
        own.mistake,
        _problem(entry, report, {task: points for task, points in lost.items() if task not in builds_on}, diagnosed),
        report.seconds,
    )


def _reason(entry: Entry, score: float, most: float) -> str:
    if not 0 < score < most:
        return ""
    return getattr(entry, "because", "") or "its core checks pass"


def _diagnosed(entry: Entry, mistake: str | None) -> Diagnosed:
    if mistake is None:
        return "nothing"
    # The group first: one that is named after its commonest entry has that entry's name.
    return "its group" if mistake == entry.group else "itself" if mistake == entry.id else "another"


def _problem(entry: Entry, report: Report, lost: dict[str, float], diagnosed: Diagnosed) -> str | None:
    if report.outcome != "graded":
        return f"could not be graded: {report.tasks[0].feedback}"
    wrong = is_wrong(entry)
    if not wrong and lost:
        return f"is right, and loses points in {', '.join(lost)}"
    if not wrong and (named := [task.mistake for task in report.tasks if task.mistake]):
        return f"is right, and is diagnosed as {', '.join(named)}"
    if not wrong:
        return None
    if entry.task not in lost:
        return "survives: it is wrong, and every check of its task passes"
    if elsewhere := sorted(lost.keys() - {entry.task, *entry.also}):
        return f"loses points in {', '.join(elsewhere)} too"
    if isinstance(entry, Mistake) and diagnosed == "another":
        return "is diagnosed as another mistake"
    own = next(task for task in report.tasks if task.id == entry.task)
    if isinstance(entry, Nothing) and own.score:
        return f"shows nothing, and keeps {own.score:g} points"
    if isinstance(entry, Mistake) and entry.keeps and own.score != entry.keeps:
        return f"keeps {own.score:g} points, and {entry.keeps:g} as a near miss"
    return None
