"""Mutants: right work with one mutation. Draw some, grade them, and find those that no check notices."""

import ast
import json
import random
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from functools import cache, cached_property

from cvaekit import bank as banks
from cvaekit.audit import equivalent_mutants
from cvaekit.audit.audit import in_order
from cvaekit.audit.mutations import Mutation, head, mutations
from cvaekit.audit.untouched_tasks import untouched
from cvaekit.audit.verdict import is_wrong
from cvaekit.bank import Entry
from cvaekit.grading.session import Session, versions
from cvaekit.kit import Assignment, shown
from cvaekit.report.model import Report
from cvaekit.submission.intake import Submission

SCHEMA = "cvaekit.mutants/1"


@dataclass(frozen=True)
class Mutant:
    """Right work with one mutation.

    where: file and line, or bank and entry; tasks: those that it is judged in; unjudged: slow ones that it touches.
    """

    where: str
    kind: str
    symbol: str
    old: str
    new: str
    tasks: tuple[str, ...]
    unjudged: tuple[str, ...]
    text: str


@dataclass(frozen=True)
class Outcome:
    """What became of a mutant. lost: points by task; fault: why it could not be graded."""

    mutant: Mutant
    lost: dict[str, float]
    fault: str | None = None

    @property
    def survives(self) -> bool:
        return self.fault is None and not self.lost


@dataclass
class Mutants:
    """A sample of an assignment's mutants, and what became of those that were graded so far.

    unjudged: how many were passed over since only slow tasks run the changed code.
    """

    assignment: Assignment
    sample: list[Mutant]
    unjudged: int = 0
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def survivors(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.survives]

    @property
    def faults(self) -> list[Outcome]:
        return [outcome for outcome in self.outcomes if outcome.fault]

    def to_json(self) -> str:
        rows = [{**asdict(outcome), "survives": outcome.survives} for outcome in self.outcomes]
        table = {
            "schema": SCHEMA,
            "assignment": self.assignment.name,
            "passed": not self.survivors and not self.faults,
            "unjudged": self.unjudged,
            "mutants": [row.pop("mutant") | row for row in rows],
            "versions": versions(),
        }
        return json.dumps(table, indent=1, allow_nan=False) + "\n"


@dataclass(frozen=True, eq=False)
class Origin:
    """Right work: the reference, or an entry of the banks (`entry`)."""

    assignment: Assignment
    entry: Entry | None

    @cached_property
    def tree(self) -> ast.Module:
        """With the lines of the reference's own file, where markers are comments."""
        text = self.assignment.reference_text
        return self.entry.tree(text) if self.entry else ast.parse(text)

    @cached_property
    def text(self) -> str:
        """Its code, when nothing is changed."""
        return ast.unparse(self.tree)

    def where(self, mutation: Mutation) -> str:
        file = shown(self.assignment.reference_file)
        return self.entry.where if self.entry else f"{file}, line {mutation.statement.lineno}"

    def touched(self, mutation: Mutation) -> set[str]:
        """Ids of the tasks that run changed code."""
        unchanged = ast.parse(self.text)
        with mutation.applied():
            return {task.id for task in self.assignment.tasks} - untouched(self.tree, self.assignment, unchanged)


def draw(
    assignment: Assignment, count: int, *, seed: int = 0, names: Sequence[str] = (), thorough: bool = False
) -> Mutants:
    """Draw up to `count` mutants: as many of one kind and place as of another, while there are some.

    names: only mutants of these entries, or that touch these tasks. What is listed as equivalent, or equal to right
    work of the banks, is left out. Slow tasks are not judged, unless `thorough`.
    """
    known, slow = equivalent_mutants.load(assignment), {task.id for task in assignment.tasks if task.slow}
    found, reach = Mutants(assignment, []), {}
    seen = {origin.text for origin in _origins(assignment)}
    for origin, mutation in _in_turn(every_mutation(assignment), f"{seed} {assignment.name}"):
        if len(found.sample) == count:
            break
        if (key := (origin, mutation.symbol)) not in reach:
            reach[key] = origin.touched(mutation)
        tasks = reach[key]
        if names and not tasks & set(names) and not (origin.entry and origin.entry.id in names):
            continue
        with mutation.applied():
            text = ast.unparse(ast.fix_missing_locations(origin.tree))
        if text in seen or known.leaves_out(mutation):
            continue
        seen.add(text)
        ordered = [task.id for task in assignment.tasks if task.id in tasks]
        judged = tuple(task for task in ordered if thorough or task not in slow)
        if not judged:
            found.unjudged += 1
            continue
        unjudged = tuple(task for task in ordered if task not in judged)
        old, new = mutation.lines
        place = origin.where(mutation), mutation.kind, mutation.symbol
        found.sample.append(Mutant(*place, old, new, judged, unjudged, text))
    return found


@cache
def _origins(assignment: Assignment) -> tuple[Origin, ...]:
    right = [entry for entry in banks.chosen(banks.load(assignment), ()) if not is_wrong(entry)]
    return tuple(Origin(assignment, entry) for entry in (None, *right))


def every_mutation(assignment: Assignment) -> list[tuple[Origin, Mutation]]:
    """All mutations of all right work: of the reference, and of those lines of the banks that it does not have."""
    needed = [name for task in assignment.tasks for name in (task.symbol, _constructor(task.symbol)) if name]
    ranges = equivalent_mutants.load(assignment).range
    found: list[tuple[Origin, Mutation]] = []
    given: set[tuple[str, str]] = set()
    for origin in _origins(assignment):
        found += ((origin, mutation) for mutation in mutations(origin.tree, needed, ranges, given))
        given = given or {(mutation.symbol, head(mutation.statement)) for _, mutation in found}
    return found


def _in_turn(found: list[tuple[Origin, Mutation]], seed: str) -> list[tuple[Origin, Mutation]]:
    """An order of the seed's in which kinds and places take turns, so that a few of them are of many kinds."""
    random.Random(seed).shuffle(found)
    turns, order = Counter[tuple[str, ...]](), []
    for number, (origin, mutation) in enumerate(found):
        place = ("entry", origin.entry.task) if origin.entry else ("reference", mutation.symbol)
        key = (*place, mutation.kind)
        turns[key] += 1
        order.append((turns[key], number))
    return [found[number] for _, number in sorted(order)]


def _constructor(symbol: str) -> str:
    owner = symbol.rpartition(".")[0]
    return owner and f"{owner}.__init__"


def grade(found: Mutants, session: Session, *, jobs: int) -> Generator[Outcome]:
    """Grade the sample as submissions are graded; add each outcome to `found`, in its order, and yield it."""
    assignment = session.assignment
    everything = [task.id for task in assignment.tasks]
    submissions = [Submission(mutant.where, assignment.files[0], mutant.text.encode()) for mutant in found.sample]
    left_out = [tuple(task for task in everything if task not in mutant.tasks) for mutant in found.sample]
    with closing(in_order(session, submissions, jobs, left_out)) as reports:
        for mutant, report in zip(found.sample, reports, strict=True):
            outcome = _outcome(mutant, report)
            found.outcomes.append(outcome)
            yield outcome


def _outcome(mutant: Mutant, report: Report) -> Outcome:
    if report.outcome != "graded":
        return Outcome(mutant, {}, report.tasks[0].feedback)
    scores = {task.id: (task.score, task.max_score) for task in report.tasks if task.id in mutant.tasks}
    return Outcome(mutant, {task: round(most - score, 2) for task, (score, most) in scores.items() if score < most})
