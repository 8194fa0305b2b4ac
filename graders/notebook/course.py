"""The files of an nbgrader course that holds the kit's assignments."""

import gzip
import re
import zlib
from collections.abc import Iterable
from pathlib import Path

from graders.manifest import ROOT, Manifest
from graders.notebook import make

TEMPLATES = Path(__file__).parent / "templates"
DATA = ROOT / "assignments" / "data"


def files(manifests: Iterable[Manifest], folder: Path) -> dict[Path, bytes]:
    """Content of every file of a new course in `folder`, by its path within the course."""
    chosen = list(manifests)
    found = {Path("nbgrader_config.py"): _filled("nbgrader_config.txt", chosen, folder)}
    found[Path("README.md")] = _filled("course.md", chosen, folder)
    for manifest in chosen:
        source = Path("source") / manifest.name
        found[source / make.notebook_name(manifest)] = make.as_text(make.instructors(manifest)).encode()
        for name in ("README.md", *manifest.settings.get("scripts", [])):
            found[source / name] = (ROOT / "assignments" / manifest.name / name).read_bytes()
        for file in _data(manifest):
            packed = gzip.compress(file.read_bytes(), compresslevel=6, mtime=0)
            found[source / _packed(file)] = packed
    return found


def _data(manifest: Manifest) -> list[Path]:
    """The kit's files that the notebook of an assignment trains on."""
    return [file for name in manifest.settings["data"] for file in sorted((DATA / name / "raw").iterdir())]


def _packed(file: Path) -> Path:
    """Where one of them goes, from the notebook's folder."""
    return Path("data") / file.relative_to(DATA).with_name(f"{file.name}.gz")


def course_id(folder: Path) -> str:
    """The course's name in the exchange: its folder's, without what would not do in a path or an address."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", folder.resolve().name).strip("-") or "course"


def _filled(template: str, manifests: list[Manifest], folder: Path) -> bytes:
    text = (TEMPLATES / template).read_text(encoding="utf-8")
    names = {manifest.name: manifest.name for manifest in manifests}
    data = sorted({_packed(file).as_posix() for manifest in manifests for file in _data(manifest)})
    text = text.replace("@ASSIGNMENTS@", repr(names)).replace("@DATA@", repr(data))
    text = text.replace("@COURSE@", repr(course_id(folder)))
    notebook = make.notebook_name(manifests[0])
    text = text.replace("@ASSIGNMENT@", manifests[0].name).replace("@NOTEBOOK@", notebook)
    listed = [f"`{manifest.name}` ({manifest.title})" for manifest in manifests]
    text = text.replace("@STEM@", Path(notebook).stem).replace("@LIST@", ", ".join(listed))
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
