"""The banks of an assignment: known mistakes, right variants and ambiguous answers, as data.

Each list is a TOML file in the assignment's folder. An entry says how a submission differs from the
reference, so that nobody has to store whole submissions; `Entry.source` builds them.
"""

import ast
import re
import textwrap
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Annotated, Any, TypeVar

from pydantic import Field, ValidationError

from cvaekit.kit import Assignment, KitError, read_toml
from cvaekit.manifest import Identifier, Table, Text, explained
from cvaekit.starter import BEGIN, END, without_markers, without_starter_lines

_DEFINITION = re.compile(r"^(?=class |def |@)", re.MULTILINE)


class BankError(KitError):
    """An entry that cannot be read or built; the text names file, entry and remedy."""


class Entry(Table):
    """One submission, written as its difference from the reference.

    `solution` takes the place of the task's solution region; `replace` holds (old, new) pairs for the rest of
    the file; `before` goes in front of the first definition and `after` to the end; `also` lists other tasks
    whose points it costs too; entries of one `group` compute the same thing.
    """

    id: Identifier
    task: str
    seen: str = ""
    solution: str | None = None
    replace: tuple[tuple[str, str], ...] = ()
    before: str = ""
    after: str = ""
    also: tuple[str, ...] = ()
    group: str | None = None

    @property
    def where(self) -> str:
        """File and id."""
        return f"{FILES[type(self).__name__.lower()]}, {self.id}"

    def source(self, reference: str) -> str:
        """The complete submission, made from the reference's text; BankError where a part does not fit."""
        text = without_starter_lines(reference)
        for old, new in self.replace:
            if (found := text.count(old)) != 1:
                raise BankError(f"{self.where}: the reference has {old!r} {found} times, not once")
            text = text.replace(old, new)
        if self.solution is not None:
            text = self._solved(text, self.solution)
        text = without_markers(text)
        if self.before:
            lines = textwrap.dedent(self.before).strip("\n")
            text = _DEFINITION.sub(lambda _: f"{lines}\n\n\n", text, count=1)
        if self.after:
            text = f"{text.rstrip()}\n\n\n{textwrap.dedent(self.after).strip()}\n"
        return text

    def tree(self, reference: str) -> ast.Module:
        """The syntax of its submission; BankError where that is no Python, which nothing could be learned from."""
        try:
            return ast.parse(self.source(reference).encode())  # as bytes it may start with a mark
        except SyntaxError as error:
            line = (error.text or "").strip()
            raise BankError(f"{self.where}: its submission is no Python at `{line}` ({error.msg}); mend it") from None

    def _solved(self, text: str, solution: str) -> str:
        todo = f"# TODO ({self.task})"
        head, found, tail = text.partition(todo)
        gap, begun, tail = tail.partition(f"{BEGIN}\n")
        if not found or not begun or "# TODO" in gap:
            raise BankError(f"{self.where}: the reference has no solution region for task {self.task!r}")
        tail = tail[tail.index(END) :]
        indent = gap[gap.rindex("\n") + 1 :]
        lines = textwrap.indent(textwrap.dedent(solution).strip("\n"), indent)
        return f"{head}{todo}{gap}{BEGIN}\n{lines}\n{indent}{tail}"


class Mistake(Entry):
    """A wrong submission with one misconception; `symptom` is for instructors, `hint` for students.

    A near miss `keeps` points of its task though a core check fails, `because` of what is right about it.
    """

    symptom: Text
    hint: Text
    keeps: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.0
    because: str = ""


class Variant(Entry):
    """A right answer written differently; `note` says what is unusual about it."""

    note: str = ""


class Ambiguous(Entry):
    """An answer with honest arguments on both sides; `policy` decides it, `accepted` is the decision."""

    policy: Text
    accepted: bool
    hint: str = ""
    note: str = ""


class Nothing(Entry):
    """An answer that shows nothing, such as a constant or an input handed back: it must get no point."""

    note: Text


AnyEntry = TypeVar("AnyEntry", bound=Entry)
AnyTable = TypeVar("AnyTable", bound=Table)


FILES = {
    "mistake": "mistakes.toml",
    "variant": "variants.toml",
    "ambiguous": "ambiguous.toml",
    "nothing": "nothing.toml",
}


@dataclass(frozen=True)
class Bank:
    """All lists of one assignment, in the order of their files."""

    reference: str
    mistakes: tuple[Mistake, ...]
    variants: tuple[Variant, ...]
    ambiguous: tuple[Ambiguous, ...]
    nothing: tuple[Nothing, ...]

    @cached_property
    def groups(self) -> Mapping[str, tuple[Mistake, ...]]:
        """Mistakes that compute the same thing, by the name of their group."""
        names = dict.fromkeys(entry.group for entry in self.mistakes if entry.group)
        return {name: tuple(entry for entry in self.mistakes if entry.group == name) for name in names}


def solution(assignment: Assignment) -> str:
    """The reference as a submission: without its markers."""
    return Entry(id="reference", task="").source(assignment.reference_text)


@cache
def load(assignment: Assignment) -> Bank:
    """The banks of one assignment, every entry tried against the reference; raises BankError."""
    bank = Bank(
        assignment.reference_text,
        _entries(assignment, "mistake", Mistake),
        _entries(assignment, "variant", Variant),
        _entries(assignment, "ambiguous", Ambiguous),
        _entries(assignment, "nothing", Nothing),
    )
    everything = _everything(bank)
    if twice := [name for name, count in Counter(ids(bank)).items() if count > 1]:
        raise BankError(f"{assignment.name}: used for more than one entry: {', '.join(twice)}")
    for entry in everything:
        entry.source(bank.reference)
    for mistake in bank.mistakes:
        _check_near_miss(mistake, assignment.task(mistake.task).points, bank.groups.get(mistake.group or "", ()))
    return bank


def _check_near_miss(mistake: Mistake, points: float, group: Sequence[Mistake]) -> None:
    if bool(mistake.keeps) != bool(mistake.because):
        raise BankError(f"{mistake.where}: a near miss says what it `keeps` and `because` of what; write both, or none")
    if mistake.keeps >= points:
        raise BankError(f"{mistake.where}: keeps {mistake.keeps:g} of {points:g} points; write less than all")
    if odd := next((other for other in group if other.keeps != mistake.keeps), None):
        raise BankError(
            f"{mistake.where}: keeps {mistake.keeps:g}, and {odd.id} of the same group {odd.keeps:g}; "
            "nothing tells them apart, so write the same for both"
        )


def rows(
    assignment: Assignment, file: str, table: str, kind: type[AnyTable]
) -> Iterator[tuple[str, dict[str, Any], AnyTable]]:
    """Where it stands, its text and the entry itself, for each [[table]] of a list; nothing where there is no list.

    Raises BankError for an entry that does not fit `kind`, and for any other table.
    """
    path = assignment.folder / file
    if not path.exists():
        return
    content = read_toml(path)
    if stray := content.keys() - {table}:
        raise BankError(f"{path.name}: expected only [[{table}]], found {', '.join(sorted(stray))}")
    for number, raw in enumerate(content.get(table, []), start=1):
        where = f"{path.name}, {raw.get('id', f'entry {number}')}"
        try:
            yield where, raw, kind.model_validate(raw)
        except ValidationError as error:
            raise BankError("\n".join(f"{where}: {line}" for line in explained(error, kind))) from None


def _entries(assignment: Assignment, table: str, kind: type[AnyEntry]) -> tuple[AnyEntry, ...]:
    tasks, found = [task.id for task in assignment.tasks], []
    for where, raw, entry in rows(assignment, FILES[table], table, kind):
        if alien := [task for task in (entry.task, *entry.also) if task not in tasks]:
            raise BankError(f"{where}: unknown task {', '.join(alien)}; known are {', '.join(tasks)}")
        if not raw.keys() & {"solution", "replace", "before", "after"}:
            raise BankError(f"{where}: the key solution, replace, before or after is missing")
        found.append(entry)
    return tuple(found)


def ids(bank: Bank) -> list[str]:
    """The ids of all entries."""
    return [entry.id for entry in _everything(bank)]


def unknown(bank: Bank, assignment: Assignment, names: Sequence[str]) -> set[str]:
    """Those of `names` that are neither an entry's id nor a task's."""
    return set(names) - set(ids(bank)) - {task.id for task in assignment.tasks}


def chosen(bank: Bank, names: Sequence[str]) -> list[Entry]:
    """The entries with these ids or of these tasks, all without names; in the order of the banks."""
    return [entry for entry in _everything(bank) if not names or entry.id in names or entry.task in names]


def _everything(bank: Bank) -> list[Entry]:
    return [*bank.mistakes, *bank.variants, *bank.ambiguous, *bank.nothing]
