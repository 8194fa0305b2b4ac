"""Make what students receive from the solutions in reference/, so that the two cannot drift apart.

A solution stands between two marker lines. In the starter, the lines between them give way to those that start with
`#: `, uncommented and with the same indentation; the markers, and the markers alone, vanish from both:

    ### BEGIN SOLUTION
    #: width = ...
    width = 794
    ### END SOLUTION
"""

import difflib
from collections.abc import Mapping
from pathlib import Path

from graders import manifest

BEGIN, END, STARTER_LINE = "### BEGIN SOLUTION", "### END SOLUTION", "#:"


def generated_files(assignment: str) -> dict[Path, str]:
    """Text of every generated file of `assignment`, by its path; KeyError for an unknown assignment."""
    from graders.notebook import release  # imports nbgrader, which takes seconds

    found = manifest.load(assignment)
    source = manifest.ROOT / "reference" / assignment / found.settings["reference"]
    folder = manifest.ROOT / "assignments" / assignment
    shared = found.settings.get("shared", [])  # files of reference/ that go out as they are
    return {
        folder / found.settings["starter"]: starter(source.read_text(encoding="utf-8"), source.name),
        folder / found.settings["notebook"]: release.students(found),
    } | {folder / name: (manifest.ROOT / "reference" / name).read_text(encoding="utf-8") for name in shared}


def starter(reference: str, name: str = "reference") -> str:
    """The starter's text, made from the text of a reference; ValueError with `name` and line for a misplaced marker."""
    lines, begun = [], None
    for number, line in enumerate(reference.splitlines(), start=1):
        code = line.strip()
        if code == BEGIN:
            if begun is not None:
                raise ValueError(f"{name}, line {number}: a solution begins inside the one begun in line {begun}")
            begun = number
        elif code == END:
            if begun is None:
                raise ValueError(f"{name}, line {number}: a solution ends that was never begun")
            begun = None
        elif code.startswith(STARTER_LINE) and begun is None:
            raise ValueError(f"{name}, line {number}: a starter's line outside a solution")
        elif code.startswith(STARTER_LINE):
            indentation = line[: line.index(STARTER_LINE)]
            lines.append((indentation + code.removeprefix(STARTER_LINE).removeprefix(" ")).rstrip())
        elif begun is None:
            lines.append(line)
    if begun is not None:
        raise ValueError(f"{name}, line {begun}: the solution begun here never ends")
    return "\n".join(lines) + "\n"


def write(files: Mapping[Path, str]) -> None:
    """Write `files`, making their folders where needed."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def differences(files: Mapping[Path, str]) -> list[str]:
    """One message for each of `files` that is missing or reads differently on disk, with a unified diff."""
    return [message for path, text in files.items() if (message := _difference(path, text))]


def _difference(path: Path, text: str) -> str | None:
    name = path.relative_to(manifest.ROOT).as_posix() if path.is_relative_to(manifest.ROOT) else path.name
    if not path.is_file():
        return f"{name} is missing"
    found = path.read_bytes().decode("utf-8", errors="replace")
    if found == text:
        return None
    diff = difflib.unified_diff(
        found.splitlines(keepends=True), text.splitlines(keepends=True), f"{name} (on disk)", f"{name} (generated)"
    )
    return f"{name} is out of date\n{''.join(diff)}".rstrip("\n")
