"""Find a submission on disk and read it as bytes: regular files only, up to a size, never through a link."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from cvaekit.kit import Assignment
from cvaekit.submission.cells import MAX_NOTEBOOK_BYTES, NotebookError, cells
from cvaekit.submission.solution import Line, solution
from cvaekit.text import clean

MAX_BYTES = 512 * 1024  # a completed starter has 4 kB
NOTEBOOK = ".ipynb"
KINDS = (".py", NOTEBOOK)


class UnreadableInputError(Exception):
    """The path given on the command line cannot be graded: a fault of the caller, not of a student."""


@dataclass(frozen=True)
class Submission:
    """One student's work as the bytes of a Python file.

    fault: why there is nothing to grade. Of a notebook, `source` is the solution in its cells, and `lines` holds the
    notebook's line for each line of it.
    """

    name: str
    filename: str
    source: bytes = b""
    fault: str | None = None
    lines: tuple[Line, ...] = ()

    @property
    def sha256(self) -> str:
        """SHA-256 of `source`, in hexadecimal."""
        return hashlib.sha256(self.source).hexdigest()


def find(path: Path, assignment: Assignment) -> Submission:
    """Return the submission at `path`: a `.py` file, a notebook, or a folder with one of them.

    Raises UnreadableInputError for a path that does not exist, cannot be read, or is of another kind.
    """
    name = _shown(path.name or path.resolve().name)
    try:
        mode = os.lstat(path).st_mode
    except OSError as error:
        raise UnreadableInputError(f"{path}: {error.strerror}") from error
    if stat.S_ISLNK(mode):
        return Submission(
            name, name, fault=f"{name} is a symbolic link. Links are not followed: hand in the file itself."
        )
    if stat.S_ISDIR(mode):
        return _in_folder(path, name, assignment)
    if stat.S_ISREG(mode) and path.suffix not in KINDS:
        raise UnreadableInputError(
            f"{path}: not a Python file; cvaekit grades a .py file, a notebook, or a folder with one of them"
        )
    return _read(path, name, assignment)


def _in_folder(folder: Path, name: str, assignment: Assignment) -> Submission:
    try:
        present = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise UnreadableInputError(f"{folder}: {error.strerror}") from error
    accepted = [file for file in assignment.files if file in present]
    if accepted:
        # Students receive starter and notebook in one folder, and work on one of them.
        changed = [file for file in accepted if not _as_handed_out(folder / file, assignment)]
        return _read(folder / (changed or accepted)[0], name, assignment)
    candidates = [entry for entry in present if _defines(folder / entry, assignment)]
    if len(candidates) == 1:
        return _read(folder / candidates[0], name, assignment)
    expected = assignment.files[0]
    if candidates:
        many = f"{len(candidates)} possible submissions ({_listed(candidates)})"
        fault = f"{name} holds {many}. Name the one to grade {expected}."
    else:
        there = _listed(present) if present else "an empty folder"
        fault = f"{name} holds no submission. Expected {expected}; found {there}."
    return Submission(name, expected, fault=fault)


def _as_handed_out(path: Path, assignment: Assignment) -> bool:
    """Return whether a file holds the same code as the one that students receive under this name."""
    original = assignment.student_folder / path.name
    return original.is_file() and (
        _read(path, path.name, assignment).source.split() == _read(original, path.name, assignment).source.split()
    )


def _defines(path: Path, assignment: Assignment) -> bool:
    """Return whether a file of any name seems to define all symbols of the assignment."""
    text = code(path)
    return all(defines(text, symbol) for symbol in assignment.symbols)


def code(path: Path) -> str:
    """Return the code of a file as text, which may not parse. Empty for a test file and for a file of another kind."""
    if path.suffix not in KINDS or path.name.startswith(("test_", "conftest")):
        return ""
    content = read_file(path, path.name).source  # empty for a link
    if path.suffix != NOTEBOOK:
        return content.decode("utf-8", "replace")
    try:
        return "\n".join(cell.source for cell in cells(content) if cell.kind == "code")
    except NotebookError:
        return ""


def defines(text: str, symbol: str) -> bool:
    """Return whether code seems to define a class or function `symbol`."""
    return re.search(rf"^(class|def)\s+{symbol}\b", text, re.MULTILINE) is not None


def _read(path: Path, name: str, assignment: Assignment) -> Submission:
    found = read_file(path, name)
    if path.suffix != NOTEBOOK or found.fault:
        return found
    try:
        work = solution(found.source, assignment.symbols, _handed_out_notebook(assignment))
    except NotebookError as error:
        return Submission(name, found.filename, fault=f"{found.filename} {error}.")
    return Submission(name, found.filename, work.text.encode("utf-8", "surrogatepass"), lines=tuple(work.lines))


def _handed_out_notebook(assignment: Assignment) -> bytes | None:
    path = assignment.student_folder / assignment.notebook
    return path.read_bytes() if path.is_file() else None  # not built yet


def read_file(path: Path, name: str) -> Submission:
    """Return the bytes of the file at `path`, of any content, as a submission called `name`.

    A link, a large file, and what is not a regular file give a fault. Raises UnreadableInputError where nothing is.
    """
    filename = _shown(path.name)
    if path.is_symlink():
        return Submission(
            name, filename, fault=f"{filename} is a symbolic link. Links are not followed: hand in the file itself."
        )
    try:
        # O_NOFOLLOW, since a link may have replaced the file; O_NONBLOCK, since opening a FIFO would wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableInputError(f"{path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Submission(name, filename, fault=f"{filename} is not a regular file. Hand in a plain Python file.")
        largest = MAX_NOTEBOOK_BYTES if path.suffix == NOTEBOOK else MAX_BYTES
        if status.st_size > largest:
            size = f"{filename} has {status.st_size / 1e6:.1f} MB"
            return Submission(name, filename, fault=f"{size}; a submission has at most {largest // 1024} kB.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return Submission(name, filename, file.read(largest + 1))
    finally:
        os.close(descriptor)


def _shown(name: str) -> str:
    """Clean a file's name for a report: it may hold line ends and bytes that are not text."""
    return clean(name).replace("\n", " ")


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(map(_shown, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
