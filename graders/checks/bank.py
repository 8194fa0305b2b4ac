"""The banks of an assignment: known mistakes, right variants and ambiguous answers, as data.

Each list is a TOML file in the assignment's folder. An entry says how a submission differs from the
reference, so that nobody has to store whole submissions; `Entry.source` builds them.
"""

import re
import textwrap
import tomllib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar

from graders.manifest import GRADERS, ROOT, Manifest

REFERENCE = ROOT / "reference"

_MARKER = re.compile(r"^[ \t]*### (?:BEGIN|END) SOLUTION[ \t]*\n", re.MULTILINE)
_PLACEHOLDER = re.compile(r"^[ \t]*#:.*\n", re.MULTILINE)
_DEFINITION = re.compile(r"^(?=class |def |@)", re.MULTILINE)


class BankError(ValueError):
    """An entry that cannot be read or built; the text names file, entry and remedy."""


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One submission, written as its difference from the reference.

    `solution` takes the place of the task's solution region; `replace` holds (old, new) pairs for the rest of
    the file; `before` goes in front of the first definition and `after` to the end; `also` lists other tasks
    whose points it costs too; entries of one `group` compute the same thing.
    """

    id: str
    task: str
    seen: str = ""
    solution: str | None = None
    replace: tuple[tuple[str, str], ...] = ()
    before: str = ""
    after: str = ""
    also: tuple[str, ...] = ()
    group: str | None = None

    def source(self, reference: str) -> str:
        """The complete submission, made from the reference's text; BankError where a part does not fit."""
        text = _PLACEHOLDER.sub("", reference)
        for old, new in self.replace:
            if (found := text.count(old)) != 1:
                raise BankError(f"{self.id}: the reference has {old!r} {found} times, not once")
            text = text.replace(old, new)
        if self.solution is not None:
            text = self._solved(text, self.solution)
        text = _MARKER.sub("", text)
        if self.before:
            lines = textwrap.dedent(self.before).strip("\n")
            text = _DEFINITION.sub(lambda _: f"{lines}\n\n\n", text, count=1)
        if self.after:
            text = f"{text.rstrip()}\n\n\n{textwrap.dedent(self.after).strip()}\n"
        return text

    def _solved(self, text: str, solution: str) -> str:
        todo, begin, end = f"# TODO ({self.task})", "### BEGIN SOLUTION\n", "### END SOLUTION"
        head, found, tail = text.partition(todo)
        gap, begun, tail = tail.partition(begin)
        if not found or not begun or "# TODO" in gap:
            raise BankError(f"{self.id}: the reference has no solution region for task {self.task!r}")
        tail = tail[tail.index(end) :]
        indent = gap[gap.rindex("\n") + 1 :]
        lines = textwrap.indent(textwrap.dedent(solution).strip("\n"), indent)
        return f"{head}{todo}{gap}{begin}{lines}\n{indent}{tail}"


@dataclass(frozen=True, kw_only=True)
class Mistake(Entry):
    """A wrong submission with one misconception; `symptom` is for instructors, `hint` for students."""

    symptom: str
    hint: str


@dataclass(frozen=True, kw_only=True)
class Variant(Entry):
    """A right answer written differently; `note` says what is unusual about it."""

    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Ambiguous(Entry):
    """An answer with honest arguments on both sides; `policy` decides it, `accepted` is the decision."""

    policy: str
    accepted: bool
    hint: str = ""
    note: str = ""


AnyEntry = TypeVar("AnyEntry", bound=Entry)


@dataclass(frozen=True)
class Bank:
    """All lists of one assignment, in the order of their files."""

    reference: str
    mistakes: tuple[Mistake, ...]
    variants: tuple[Variant, ...]
    ambiguous: tuple[Ambiguous, ...]

    @cached_property
    def groups(self) -> Mapping[str, tuple[Mistake, ...]]:
        """Mistakes that compute the same thing, by the name of their group."""
        names = dict.fromkeys(entry.group for entry in self.mistakes if entry.group)
        return {name: tuple(entry for entry in self.mistakes if entry.group == name) for name in names}


def load(assignment: str, graders: Path = GRADERS, reference: Path = REFERENCE) -> Bank:
    """The banks of one assignment, every entry tried against the reference; raises BankError."""
    folder = graders / assignment
    manifest = tomllib.loads((folder / "assignment.toml").read_text(encoding="utf-8"))
    tasks = [task["id"] for task in manifest["task"]]
    text = (reference / assignment / manifest["reference"]).read_text(encoding="utf-8")
    bank = Bank(
        text,
        _entries(folder / "mistakes.toml", "mistake", Mistake, tasks),
        _entries(folder / "variants.toml", "variant", Variant, tasks),
        _entries(folder / "ambiguous.toml", "ambiguous", Ambiguous, tasks),
    )
    everything = (*bank.mistakes, *bank.variants, *bank.ambiguous)
    if twice := [name for name, count in Counter(entry.id for entry in everything).items() if count > 1]:
        raise BankError(f"{assignment}: used for more than one entry: {', '.join(twice)}")
    for entry in everything:
        entry.source(text)
    return bank


def _entries(path: Path, table: str, kind: type[AnyEntry], tasks: list[str]) -> tuple[AnyEntry, ...]:
    if not path.exists():
        return ()
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise BankError(f"{path.name}: {error}") from error
    if stray := content.keys() - {table}:
        raise BankError(f"{path.name}: expected only [[{table}]], found {', '.join(sorted(stray))}")
    return tuple(
        _entry(f"{path.name}, {raw.get('id', f'entry {number}')}", raw, kind, tasks)
        for number, raw in enumerate(content.get(table, []), start=1)
    )


def _entry(where: str, raw: dict[str, Any], kind: type[AnyEntry], tasks: list[str]) -> AnyEntry:
    known = {field.name: field for field in fields(kind)}
    if unknown := raw.keys() - known:
        raise BankError(f"{where}: unknown field {', '.join(sorted(unknown))}")
    required = [name for name, field in known.items() if field.default is MISSING]
    if missing := [name for name in required if raw.get(name, "") == ""]:
        raise BankError(f"{where}: missing field {', '.join(missing)}")
    for name, value in raw.items():
        expected = {"replace": list, "also": list, "accepted": bool}.get(name, str)
        if not isinstance(value, expected):
            raise BankError(f"{where}: {name} must be a {expected.__name__}")
    if not re.fullmatch(r"[a-z][a-z0-9_]{0,39}", raw["id"]):
        raise BankError(f"{where}: an id is snake_case and at most 40 characters long")
    if alien := [task for task in (raw["task"], *raw.get("also", [])) if task not in tasks]:
        raise BankError(f"{where}: unknown task {', '.join(map(str, alien))}; known are {', '.join(tasks)}")
    pairs = raw.get("replace", [])
    if not all(isinstance(pair, list) and [type(part) for part in pair] == [str, str] for pair in pairs):
        raise BankError(f"{where}: replace must be a list of [old, new] texts")
    if not raw.keys() & {"solution", "replace", "before", "after"}:
        raise BankError(f"{where}: missing field solution, replace, before or after")
    return kind(**(raw | {"replace": tuple(map(tuple, pairs)), "also": tuple(raw.get("also", []))}))


def unknown(bank: Bank, manifest: Manifest, names: Sequence[str]) -> set[str]:
    """Those of `names` that are neither an entry's id nor a task's."""
    return set(names) - {entry.id for entry in _everything(bank)} - {task.id for task in manifest.tasks}


def chosen(bank: Bank, names: Sequence[str]) -> list[Entry]:
    """The entries with these ids or of these tasks, all without names; in the order of the banks."""
    return [entry for entry in _everything(bank) if not names or entry.id in names or entry.task in names]


def _everything(bank: Bank) -> list[Entry]:
    return [*bank.mistakes, *bank.variants, *bank.ambiguous]
