"""All verdicts of one run, and what they say about the checks."""

import json
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from typing import Any

from cvaekit.audit.real_life import FileVerdict, judge_file
from cvaekit.audit.untouched_tasks import untouched
from cvaekit.audit.verdict import Verdict, is_wrong, judge
from cvaekit.bank import BankError, Entry
from cvaekit.grading.session import Session, versions
from cvaekit.kit import Assignment
from cvaekit.real_life import RealLife
from cvaekit.real_life import path as path_of
from cvaekit.report.model import Report
from cvaekit.statistics.false_alarms import Table
from cvaekit.submission.intake import Submission, UnreadableInputError, find

SCHEMA = "cvaekit.audit/1"
DIAGNOSED = 0.9  # of the mistakes, at least


@dataclass
class Check:
    """One check: the mistakes of its task that it fails, and those of them that no other check of the task fails."""

    id: str
    kills: list[str] = field(default_factory=list)
    alone: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Counts:
    """How many entries of a task there are, and how many came out as they should."""

    mistakes: int
    killed: int
    alone: int  # killed, with no points lost in another task
    diagnosed: int  # as themselves or their group
    right: int  # variants, and the ambiguous answers that are accepted
    full_marks: int
    rejected: int  # ambiguous answers that lose points, as they should


@dataclass
class Audit:
    """What is known so far. `complete` is whether all of the banks went into it, so that counts mean something.

    verdicts: on the entries that differ from the reference; files: on the real-life files.
    """

    assignment: Assignment
    complete: bool
    interrupted: bool = False
    verdicts: list[Verdict] = field(default_factory=list)
    files: list[FileVerdict] = field(default_factory=list)
    checks: dict[str, Check] = field(default_factory=dict)

    def add(self, verdict: Verdict, report: Report) -> None:
        for task in report.tasks:
            for check in task.checks:
                if check.outcome != "skipped":
                    self.checks.setdefault(check.id, Check(check.id))
        self.verdicts.append(verdict)
        if verdict.kind == "mistake":
            killers = verdict.killed_by
            for check_id in killers:
                self.checks[check_id].kills.append(verdict.id)
            if len(killers) == 1:
                self.checks[killers[0]].alone.append(verdict.id)

    def of(self, kind: str, task: str | None = None) -> list[Verdict]:
        return [v for v in self.verdicts if v.kind == kind and task in (None, v.task)]

    @property
    def tasks(self) -> list[str]:
        """Ids of the tasks that entries belong to."""
        return list(dict.fromkeys(verdict.task for verdict in self.verdicts))

    def checks_of(self, task: str) -> list[str]:
        return [check for check in self.checks if check.startswith(f"{task}.")]

    @property
    def redundant(self) -> list[Check]:
        """The checks without which every mistake would still lose points."""
        return [check for check in self.checks.values() if not check.alone]

    def counts(self, task: str | None = None) -> Counts:
        """Of one task, or of all."""
        mistakes, ambiguous = self.of("mistake", task), self.of("ambiguous", task)
        right = [*self.of("variant", task), *(v for v in ambiguous if not v.wrong)]
        return Counts(
            len(mistakes),
            sum(bool(v.killed_by) for v in mistakes),
            sum(v.alone for v in mistakes),
            sum(v.diagnosed in ("itself", "its group") for v in mistakes),
            len(right),
            sum(not v.lost for v in right),
            sum(v.wrong and bool(v.lost) for v in ambiguous),
        )

    @property
    def files_as_marked(self) -> int:
        """How many real-life files get the mark that they should."""
        return sum(not file.problem for file in self.files)

    @property
    def problems(self) -> list[str]:
        """What has to be mended, a sentence each; an audit is passed when there are none."""
        found = [f"{v.kind} {v.id} ({v.task}) {v.problem}." for v in self.verdicts if v.problem]
        found += [f"real-life file {file.id} {file.problem}." for file in self.files if file.problem]
        return found + self.problems_of_the_whole

    @property
    def problems_of_the_whole(self) -> list[str]:
        """What has to be mended about all mistakes together."""
        counts = self.counts()
        if not self.complete or counts.diagnosed >= DIAGNOSED * counts.mistakes:
            return []
        named = f"Only {counts.diagnosed} of {counts.mistakes} mistakes are diagnosed"
        return [f"{named}; at least {DIAGNOSED:.0%} should be."]

    def to_json(self, alarms: Table | None) -> str:
        """All of it, with the false-alarm table where the assignment has one."""
        table: dict[str, Any] = {
            "schema": SCHEMA,
            "assignment": self.assignment.name,
            "complete": self.complete,
            "passed": not self.problems,
            "problems": self.problems,
            "checks": [asdict(check) for check in self.checks.values()],
            "entries": [{**asdict(v), "killed_by": v.killed_by} for v in self.verdicts],
            "real_life": [asdict(file) for file in self.files],
            "false_alarms": [asdict(row) for row in alarms.rows] if alarms else [],
            "versions": versions(),
        }
        return json.dumps(table, indent=1, allow_nan=False) + "\n"


def run(audit: Audit, entries: Sequence[Entry], session: Session, *, jobs: int, thorough: bool) -> Generator[Verdict]:
    """Grade `entries` as submissions are graded; add each verdict to `audit`, in the order of `entries`, and yield it.

    Judged are the tasks that an entry can touch, and always its own; a slow one only if a wrong entry belongs to it or
    nothing else would be judged. With `thorough` everything is.
    """
    assignment = session.assignment
    everything = {task.id for task in assignment.tasks}
    slow = {task.id for task in assignment.tasks if task.slow}
    submissions, left_out = [], []
    for entry in entries:
        text = entry.source(assignment.reference_text)
        submissions.append(Submission(entry.id, assignment.files[0], text.encode()))
        judged = everything - untouched(entry.tree(assignment.reference_text), assignment) - slow | {entry.task}
        if judged - slow and not is_wrong(entry):
            judged -= slow
        left_out.append(() if thorough else tuple(sorted(everything - judged)))
    with closing(in_order(session, submissions, jobs, left_out)) as reports:  # an interrupt ends it
        for index, report in enumerate(reports):
            verdict = judge(entries[index], report, assignment, left_out[index])
            audit.add(verdict, report)
            yield verdict


def run_files(
    audit: Audit, files: Sequence[RealLife], session: Session, *, jobs: int, thorough: bool
) -> Generator[FileVerdict]:
    """Grade real-life `files` as submissions are graded; add each verdict to `audit`, in their order, and yield it.

    All tasks are judged; a slow one only with `thorough`, or where the file has to lose points in it. Raises BankError.
    """
    assignment = session.assignment
    slow = {task.id for task in assignment.tasks if task.slow}
    try:
        submissions = [find(path_of(file, assignment), assignment) for file in files]
    except UnreadableInputError as error:
        raise BankError(str(error)) from error
    left_out = [() if thorough else tuple(sorted(slow - {*file.loses})) for file in files]
    with closing(in_order(session, submissions, jobs, left_out)) as reports:
        for index, report in enumerate(reports):
            verdict = judge_file(files[index], report, assignment, left_out[index])
            audit.files.append(verdict)
            yield verdict


def in_order(
    session: Session, submissions: Sequence[Submission], jobs: int, left_out: Sequence[tuple[str, ...]]
) -> Generator[Report]:
    """The reports in the order of `submissions`, each as soon as those before it are there."""
    done: dict[int, Report] = {}
    following = 0
    with closing(session.grade_many(submissions, jobs=jobs, left_out=left_out)) as grading:
        for index, report in grading:
            done[index] = report
            while following in done:
                yield done.pop(following)
                following += 1
