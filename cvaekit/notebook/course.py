"""The files of an nbgrader course that holds the kit's assignments."""

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from cvaekit.kit import SHIPPED, Assignment
from cvaekit.notebook import instructor_notebook

TEMPLATES = Path(__file__).parent / "templates"


def files(assignments: Iterable[Assignment], folder: Path) -> dict[Path, bytes]:
    """Content of every file of a new course in `folder`, by its path within the course."""
    chosen = list(assignments)
    found = {Path("nbgrader_config.py"): _filled("nbgrader_config.txt", chosen, folder)}
    found[Path("README.md")] = _filled("course.md", chosen, folder)
    for each in chosen:
        source = Path("source") / each.name
        notebook = instructor_notebook.make(each)
        found[source / each.notebook] = instructor_notebook.as_text(notebook).encode()
        for name in ("README.md", *each.scripts):
            found[source / name] = (each.student_folder / name).read_bytes()
        for file in _data(each):
            packed = gzip.compress(file.read_bytes(), compresslevel=6, mtime=0)
            found[source / _packed(each, file)] = packed
    return found


def _data(assignment: Assignment) -> list[Path]:
    """The kit's data files that go out with the notebook of an assignment."""
    folders = [assignment.kit.data_folder / name for name in assignment.data]
    return [file for folder in folders for file in sorted(folder.rglob("*")) if file.is_file()]


def _packed(assignment: Assignment, file: Path) -> Path:
    """Where one of them goes, from the notebook's folder."""
    return Path("data") / file.relative_to(assignment.kit.data_folder).with_name(f"{file.name}.gz")


def course_id(folder: Path) -> str:
    """The course's name in the exchange: its folder's, without what would not do in a path or an address."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "course"


def _filled(template: str, assignments: list[Assignment], folder: Path) -> bytes:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    first, names = assignments[0], {each.name: each.name for each in assignments}
    data = sorted({_packed(each, file).as_posix() for each in assignments for file in _data(each)})
    kit = "" if first.kit.root == SHIPPED else str(first.kit.root)
    for mark, value in {
        "@ASSIGNMENTS@": repr(names),
        "@DATA@": repr(data),
        "@COURSE@": repr(course_id(folder)),
        "@KIT@": repr(kit),
        "@ASSIGNMENT@": first.name,
        "@NOTEBOOK@": first.notebook,
        "@STEM@": Path(first.notebook).stem,
        "@LIST@": ", ".join(f"`{each.name}` ({each.title})" for each in assignments),
    }.items():
        text = text.replace(mark, value)
    return text.encode()


def write(course: Path, content: dict[Path, bytes]) -> list[Path]:
    """Write what is not there yet, and return its paths. FileExistsError, naming them, if any file has other content.

    Nothing is written in that case.
    """
    different = [path for path, data in content.items() if _holds_other(course / path, data)]
    if different:
        raise FileExistsError(", ".join(path.as_posix() for path in different))
    missing = [path for path in content if not (course / path).exists()]
    for path in missing:
        (course / path).parent.mkdir(parents=True, exist_ok=True)
        (course / path).write_bytes(content[path])
    return missing


def _holds_other(path: Path, content: bytes) -> bool:
    if not (path.exists() or path.is_symlink()):
        return False
    if not path.is_file():
        return True
    present = path.read_bytes()
    return present != content and not (path.suffix == ".gz" and _unpacked(present) == gzip.decompress(content))


def _unpacked(content: bytes) -> bytes | None:
    """What is packed in `content`, which another version of zlib packs into other bytes; None if it cannot be read."""
    try:
        return gzip.decompress(content)
    except (OSError, EOFError, zlib.error):
        return None
