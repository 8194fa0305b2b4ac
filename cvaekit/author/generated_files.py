"""Make what students receive from the solutions in reference/, so that the two cannot drift apart.

Into every assignment's folder go the starter, the notebook, the frame of its visible tests, and the shared files.
"""

import difflib
import json
from collections.abc import Mapping
from pathlib import Path

from cvaekit import student
from cvaekit.kit import Assignment, KitError, shown
from cvaekit.starter import starter

STUDENT = Path(student.__file__).parent
FRAME = ("exercise.py", "gaps.py", "work_file.py")  # modules of cvaekit.student, which import each other


def generated_files(assignment: Assignment) -> dict[Path, str]:
    """Text of every generated file of `assignment`, by its path. Raises KitError where one cannot be made."""
    from cvaekit.notebook import student_notebook  # imports nbgrader, which takes seconds

    folder = assignment.student_folder
    shared = {folder / name: _shared(assignment, name) for name in assignment.shared}
    return {
        folder / assignment.starter: starter(assignment.reference_text),
        folder / assignment.notebook: student_notebook.make(assignment),
        folder / "tasks.json": tasks(assignment),
        **{folder / name: _alone(STUDENT / name) for name in FRAME},
        **shared,
    }


def tasks(assignment: Assignment) -> str:
    """What the visible tests know of the manifest, as JSON."""
    keys = ("id", "points", "symbol", "gaps", "hint", "depends_on")
    entries = [{key: getattr(task, key) for key in keys} for task in assignment.tasks]
    content = {"title": assignment.title, "file": assignment.files[0], "starter": assignment.starter, "tasks": entries}
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def _alone(path: Path) -> str:
    """The text of a module as it stands alone in a student's folder, where the frame lies beside it."""
    return path.read_text(encoding="utf-8").replace("from cvaekit.student.", "from ")


def _shared(assignment: Assignment, name: str) -> str:
    path = assignment.kit.root / "reference" / name
    if not path.is_file():
        manifest = shown(assignment.manifest_file)
        raise KitError(f"reference/{name} is missing; write it, or take it out of `shared` in {manifest}")
    return _alone(path)


def write(files: Mapping[Path, str]) -> None:
    """Write `files`, making their folders where needed; OSError, with the file's name, where one cannot be written."""
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="\n")


def differences(files: Mapping[Path, str]) -> list[str]:
    """One message for each of `files` that is missing or reads differently on disk, with a unified diff."""
    return [message for path, text in files.items() if (message := _difference(path, text))]


def _difference(path: Path, text: str) -> str | None:
    name = shown(path)
    if not path.is_file():
        return f"{name} is missing"
    found = path.read_bytes().decode("utf-8", errors="replace")
    if found == text:
        return None
    diff = difflib.unified_diff(
        found.splitlines(keepends=True), text.splitlines(keepends=True), f"{name} (on disk)", f"{name} (generated)"
    )
    return f"{name} is out of date\n{''.join(diff)}".rstrip("\n")
