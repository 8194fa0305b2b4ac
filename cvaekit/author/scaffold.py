"""Write a new assignment that is sound at once, for its author to change."""

import importlib.util
import keyword
import os
import re
from pathlib import Path

from cvaekit import kit as kits
from cvaekit.author.generated_files import FRAME, generated_files, write
from cvaekit.kit import Kit
from cvaekit.manifest import IDENTIFIER

TEMPLATES = Path(__file__).parent / "templates"
# Where each template goes, from the kit's root.
ASSIGNMENT = {
    "graders/@NAME@/__init__.py": '"""Hidden side: manifest, probes, checks, mistakes and variants."""\n',
    "graders/@NAME@/assignment.toml": "assignment.toml.txt",
    "graders/@NAME@/probes.py": "probes.py.txt",
    "graders/@NAME@/test_unit_rows.py": "test_unit_rows.py.txt",
    "graders/@NAME@/mistakes.toml": "mistakes.toml.txt",
    "graders/@NAME@/variants.toml": "variants.toml.txt",
    "graders/@NAME@/notebook.toml": "notebook.toml.txt",
    "reference/@NAME@/__init__.py": "",
    "reference/@NAME@/@NAME@.py": "reference.py.txt",
    "assignments/@NAME@/README.md": "README.md.txt",
    "assignments/@NAME@/test_@NAME@.py": "visible_test.py.txt",
}
# Files of the kit itself, which the first assignment brings along.
KIT = {
    ".gitignore": "__pycache__/\n.pytest_cache/\n.ipynb_checkpoints/\n",
    "graders/__init__.py": '"""The hidden side of the kit."""\n',
    "graders/conftest.py": "conftest.py.txt",
    "reference/__init__.py": '"""The solutions."""\n',
}
# Names that mean something else in a kit or in a student's folder.
RESERVED = {"conftest", "cvaekit", "data", "graders", "reference", *(Path(name).stem for name in FRAME)}


class RefusedError(Exception):
    """A name or a folder that no assignment can be written to; the text is one line, with a way out."""


def target(explicit: Path | None) -> Path:
    """The kit to write into: `explicit`, the one that CVAEKIT_KIT names, the enclosing one, or this folder."""
    if explicit is not None:
        return explicit.resolve()
    if named := os.environ.get(kits.VARIABLE):
        return Path(named).resolve()
    around = kits.enclosing(Path.cwd())
    return around.root if around else Path.cwd()


def write_assignment(root: Path, name: str) -> list[Path]:
    """Write assignment `name` into the kit in `root`, which is made where there is none; the files written.

    Nothing is overwritten: RefusedError for a name that is taken or no identifier. OSError where nothing can be
    written.
    """
    if not re.fullmatch(IDENTIFIER, name) or keyword.iskeyword(name):
        raise RefusedError(
            f"{name!r} cannot name an assignment: its folders are Python packages. Use lower-case letters, numbers and "
            "_, starting with a letter, at most 40 characters."
        )
    if kits.ENGINE in (root, *root.parents):
        raise RefusedError(f"{root} belongs to the installed package. Name a folder of your own with --kit.")
    if name in RESERVED or name.startswith("test_") or _is_module(name):
        raise RefusedError(f"{name!r} means something else to Python, pytest or a kit. Choose another name.")
    for part in kits.PARTS:
        if (root / part).exists() and not (root / part).is_dir():
            raise RefusedError(f"{root / part} is a file, and a kit has a folder there. Name another place with --kit.")
        if (root / part / name).exists():
            raise RefusedError(f"{part}/{name} is there already. Choose another name, or change the files in it.")
    files = {file: text for file, text in KIT.items() if not (root / file).exists()} | ASSIGNMENT
    content = {root / file.replace("@NAME@", name): _filled(text, name) for file, text in files.items()}
    write(content)
    made = generated_files(Kit(root).assignment(name))
    write(made)
    return [*content, *made]


def _is_module(name: str) -> bool:
    """Whether Python has a module of this name, which a student's NAME.py would hide."""
    found = importlib.util.find_spec(name)
    return found is not None and found.origin is not None


def _filled(template: str, name: str) -> str:
    """A template's text, by the name of its file; any other text is the content itself."""
    if not template.endswith(".txt"):
        return template
    return (TEMPLATES / template).read_text(encoding="utf-8").replace("@NAME@", name)
