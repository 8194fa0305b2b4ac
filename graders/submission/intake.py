"""Find a submission on disk and read it: regular files only, as bytes, capped, never through a link."""

import hashlib
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path

from graders.manifest import Manifest
from graders.report.text import clean

MAX_BYTES = 512 * 1024  # a completed starter has 4 kB


class UnreadableInputError(Exception):
    """What the caller named cannot be graded at all; the caller's doing, not a student's."""


@dataclass(frozen=True)
class Submission:
    """One student's work as bytes. With a `fault` there is nothing to grade, and the fault says why."""

    name: str
    filename: str
    source: bytes = b""
    fault: str | None = None

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.source).hexdigest()


def find(path: Path, manifest: Manifest) -> Submission:
    """The submission at `path`: a `.py` file, or a folder with one.

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
        return _in_folder(path, name, manifest)
    if stat.S_ISREG(mode) and path.suffix != ".py":
        raise UnreadableInputError(f"{path}: not a Python file; cvaekit grades a .py file or a folder with one")
    return _read(path, name)


def _in_folder(folder: Path, name: str, manifest: Manifest) -> Submission:
    try:
        present = sorted(entry.name for entry in os.scandir(folder))
    except OSError as error:
        raise UnreadableInputError(f"{folder}: {error.strerror}") from error
    for accepted in manifest.files:
        if accepted in present:
            return _read(folder / accepted, name)
    candidates = [entry for entry in present if _defines(folder / entry, manifest.symbols)]
    if len(candidates) == 1:
        return _read(folder / candidates[0], name)
    expected = manifest.files[0]
    if candidates:
        many = f"{len(candidates)} possible submissions ({_listed(candidates)})"
        fault = f"{name} holds {many}. Name the one to grade {expected}."
    else:
        there = _listed(present) if present else "an empty folder"
        fault = f"{name} holds no submission. Expected {expected}; found {there}."
    return Submission(name, expected, fault=fault)


def _defines(path: Path, symbols: tuple[str, ...]) -> bool:
    """Whether a file with a name of its own looks like the submission; by text, since it may not even parse."""
    if path.suffix != ".py" or path.name.startswith(("test_", "conftest")) or path.is_symlink():
        return False
    text = _read(path, path.name).source.decode("utf-8", "replace")
    return all(re.search(rf"^(class|def)\s+{symbol}\b", text, re.MULTILINE) for symbol in symbols)


def _read(path: Path, name: str) -> Submission:
    filename = _shown(path.name)
    if path.is_symlink():
        return Submission(
            name, filename, fault=f"{filename} is a symbolic link. Links are not followed: hand in the file itself."
        )
    try:
        # O_NOFOLLOW again, since the file may change between look and open; O_NONBLOCK, since a FIFO would wait.
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise UnreadableInputError(f"{path}: {error.strerror}") from error
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return Submission(name, filename, fault=f"{filename} is not a regular file. Hand in a plain Python file.")
        if status.st_size > MAX_BYTES:
            size = f"{filename} has {status.st_size / 1e6:.1f} MB"
            return Submission(name, filename, fault=f"{size}; a submission has at most {MAX_BYTES // 1024} kB.")
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return Submission(name, filename, file.read(MAX_BYTES + 1))
    finally:
        os.close(descriptor)


def _shown(name: str) -> str:
    """A file's name as it may stand in a report: it can hold line ends and bytes that are no text."""
    return clean(name).replace("\n", " ")


def _listed(names: list[str], most: int = 5) -> str:
    shown = ", ".join(map(_shown, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
