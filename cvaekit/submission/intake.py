"""Find a submission on disk and read it as bytes: regular files only, up to a size, never through a link."""

import hashlib
import os
import re
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cvaekit.kit import Assignment
from cvaekit.submission.cells import MAX_NOTEBOOK_BYTES, NotebookError, cells
from cvaekit.submission.modules import MOST, candidates
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
    notebook's line for each line of it. modules: the other files of its folder that it may import, by their names.
    """

    name: str
    filename: str
    source: bytes = b""
    fault: str | None = None
    lines: tuple[Line, ...] = ()
    modules: tuple[tuple[str, bytes], ...] = ()

    @property
    def sha256(self) -> str:
        """SHA-256 of `source`, followed by those of the modules, in hexadecimal."""
        found = hashlib.sha256(self.source)
        for name, content in self.modules:
            found.update(name.encode() + b"\0" + content)
        return found.hexdigest()


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
        return _read(folder / (changed or accepted)[0], name, assignment, whole_folder=True)
    texts = {entry: code(folder / entry) for entry in present}
    possible = [entry for entry in present if _has_all(texts[entry], assignment, defines)]
    possible = possible or [entry for entry in present if _has_all(texts[entry], assignment, binds)]
    if len(possible) == 1:
        return _read(folder / possible[0], name, assignment, whole_folder=True)
    expected = assignment.files[0]
    if possible:
        many = f"{len(possible)} possible submissions ({_listed(possible)})"
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


def _has_all(text: str, assignment: Assignment, has: Callable[[str, str], bool]) -> bool:
    return all(has(text, symbol) for symbol in assignment.symbols)


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


def binds(text: str, symbol: str) -> bool:
    """Return whether code seems to give `symbol` a value: by defining, assigning or importing it."""
    imported = rf"from\s+[.\w]+\s+import\s+(?:\([^)]*|.*)\b{symbol}\b"
    return defines(text, symbol) or re.search(rf"^(?:{symbol}\s*=|{imported})", text, re.MULTILINE) is not None


def _read(path: Path, name: str, assignment: Assignment, *, whole_folder: bool = False) -> Submission:
    """Read a submission. whole_folder: whether all files of its folder are one student's."""
    found = read_file(path, name)
    if path.suffix == NOTEBOOK and not found.fault:
        try:
            work = solution(found.source, assignment.symbols, _handed_out_notebook(assignment))
        except NotebookError as error:
            return Submission(name, found.filename, fault=f"{found.filename} {error}.")
        text = work.text.encode("utf-8", "surrogatepass")
        found = Submission(name, found.filename, text, lines=tuple(work.lines))
    return replace(found, modules=tuple(_modules(path, found, assignment, whole_folder)))


def _modules(path: Path, main: Submission, assignment: Assignment, whole_folder: bool) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the files beside `path` that it imports, directly or by another one.

    Where a file was named alone, its folder may hold other students' work: what would be a submission by itself is not
    taken then.
    """
    seen, size, todo = {path}, 0, [(main.source, "")]
    while todo and len(seen) <= MOST:
        importer, package = todo.pop()
        for name, place in candidates(importer.decode("utf-8", "replace"), package, path.parent):
            if place in seen:
                continue
            seen.add(place)
            content = read_file(place, name).source
            size += len(content)
            own = whole_folder or not _has_all(content.decode("utf-8", "replace"), assignment, defines)
            if content and own and size <= MAX_BYTES:
                todo.append((content, name if place.name == "__init__.py" else name.rpartition(".")[0]))
                yield name, content


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
