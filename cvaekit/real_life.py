"""The bank of real-life files: whole submissions as students hand them in, each with the tasks that it loses points in.

They lie in the folder `real_life` of an assignment, and `real_life.toml` lists them.
"""

from collections import Counter
from pathlib import Path

from cvaekit import bank
from cvaekit.bank import BankError
from cvaekit.kit import Assignment
from cvaekit.manifest import FileName, Identifier, Table, Text

TABLE = "real_life"
FILE, FOLDER = f"{TABLE}.toml", TABLE
KINDS = (".py", ".ipynb")


class RealLife(Table):
    """A file, or a folder with files, as a student would hand it in.

    path: its name in the folder of the bank; note: what is special about it; loses: ids of the tasks that must lose
    points, none where all points are due.
    """

    id: Identifier
    path: FileName
    note: Text
    loses: tuple[str, ...] = ()


def load(assignment: Assignment) -> tuple[RealLife, ...]:
    """The entries of one assignment, in the order of the list; raises BankError."""
    tasks = [task.id for task in assignment.tasks]
    entries = [entry for _, _, entry in bank.rows(assignment, FILE, TABLE, RealLife)]
    faults = [
        f"{FILE}, {entry.id}: unknown task {', '.join(alien)}; known are {', '.join(tasks)}"
        for entry in entries
        if (alien := [task for task in entry.loses if task not in tasks])
    ]
    ids = Counter([*bank.ids(bank.load(assignment)), *(entry.id for entry in entries)])
    faults += [
        f"{FILE}, {entry.id}: the id is used for more than one entry of the banks; choose another"
        for entry in dict.fromkeys(entries)
        if ids[entry.id] > 1
    ]
    paths, there = Counter(entry.path for entry in entries), _there(assignment)
    for entry in entries:
        if paths[entry.path] > 1:
            faults.append(f"{FILE}, {entry.id}: {entry.path} is listed more than once; keep one entry")
        if entry.path not in there:
            faults.append(f"{FILE}, {entry.id}: there is no {FOLDER}/{entry.path}; write it, or mend path")
        elif not (there[entry.path].is_dir() or there[entry.path].suffix in KINDS):
            faults.append(f"{FILE}, {entry.id}: {entry.path} is no .py file, no notebook and no folder; mend path")
    if faults:
        raise BankError("\n".join(dict.fromkeys(faults)))
    return tuple(entries)


def chosen(entries: tuple[RealLife, ...], names: list[str]) -> list[RealLife]:
    """The entries with these ids or that lose points in these tasks, all without names."""
    return [entry for entry in entries if not names or not {entry.id, *entry.loses}.isdisjoint(names)]


def unlisted(assignment: Assignment) -> list[str]:
    """Names of what lies in the folder and is not listed."""
    return sorted(_there(assignment).keys() - {entry.path for entry in load(assignment)})


def path(entry: RealLife, assignment: Assignment) -> Path:
    """Where an entry lies."""
    return assignment.folder / FOLDER / entry.path


def _there(assignment: Assignment) -> dict[str, Path]:
    """What lies in the folder, by name; without hidden files and Python's caches."""
    folder = assignment.folder / FOLDER
    found = folder.iterdir() if folder.is_dir() else ()
    return {path.name: path for path in found if not path.name.startswith((".", "__pycache__"))}
