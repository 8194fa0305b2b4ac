"""Kits and their assignments: which kit is in use, and what each manifest says, validated once.

A kit is a folder with `graders/`, `reference/` and `assignments/`. An assignment is a folder of one name in each.
"""

import ast
import hashlib
import math
import os
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, PrivateAttr, ValidationError

from cvaekit import content
from cvaekit.manifest import Manifest, Task, explained, listed, points_of_checks
from cvaekit.manifest import Table as Table
from cvaekit.starter import starter

VARIABLE = "CVAEKIT_KIT"
PARTS = ("graders", "reference", "assignments")
MANIFEST = "assignment.toml"
ENGINE = Path(__file__).resolve().parent
# The wheel carries the kit inside the package; in a checkout it lies beside the package.
SHIPPED = ENGINE / "shipped" if (ENGINE / "shipped").is_dir() else ENGINE.parent

Settings = TypeVar("Settings", bound=BaseModel)


class KitError(Exception):
    """A kit or a manifest that cannot be used. Each line names the file, the key, and what to write instead."""


class Assignment(Manifest):
    """An assignment: its manifest, and where its files are."""

    _kit: "Kit" = PrivateAttr()
    _name: str = PrivateAttr()

    def __hash__(self) -> int:
        return hash((self._kit, self._name))

    def __eq__(self, other: object) -> bool:
        return self is other  # a kit holds one object of each name

    @property
    def kit(self) -> "Kit":
        return self._kit

    @property
    def name(self) -> str:
        """Name of its three folders."""
        return self._name

    @property
    def folder(self) -> Path:
        """The hidden side: manifest, probes, checks, banks."""
        return self._kit.root / "graders" / self._name

    @property
    def student_folder(self) -> Path:
        """What students receive."""
        return self._kit.root / "assignments" / self._name

    @property
    def manifest_file(self) -> Path:
        return self.folder / MANIFEST

    @property
    def probes(self) -> Path:
        return self.folder / "probes.py"

    @property
    def reference_file(self) -> Path:
        """The solution, from which starter and notebook are made."""
        return self._kit.root / "reference" / self._name / self.reference

    @cached_property
    def reference_text(self) -> str:
        """The solution with its markers; raises KitError where Python or a marker is out of place."""
        text, where = read(self.reference_file), shown(self.reference_file)
        try:
            ast.parse(text)
            starter(text, where)
        except SyntaxError as error:
            raise KitError(f"{where}, line {error.lineno}: {error.msg}") from None
        except ValueError as error:
            raise KitError(str(error)) from None
        return text

    @property
    def handout_file(self) -> Path:
        return self.student_folder / "README.md"

    @property
    def max_score(self) -> float:
        return sum(task.points for task in self.tasks)

    def task(self, task_id: str) -> Task:
        return next(task for task in self.tasks if task.id == task_id)

    def checks_of(self, task: Task) -> Path:
        """The file with the checks of `task`."""
        return self.folder / f"test_{task.id}.py"

    def setting(self, name: str, schema: type[Settings]) -> Settings:
        """The table `[settings.NAME]`, held against `schema`; raises KitError."""
        where = f"{shown(self.manifest_file)}: [settings.{name}]"
        if name not in self.settings:
            raise KitError(f"{where} is missing; its keys are {', '.join(schema.model_fields)}")
        try:
            return schema.model_validate(self.settings[name])
        except ValidationError as error:
            raise KitError("\n".join(f"{where} {line}" for line in explained(error, schema))) from None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the hidden side: all that a mark depends on besides the engine."""
        folders = [path for path in (self._kit.root / "graders").iterdir() if not (path / MANIFEST).exists()]
        files = [path for folder in (*folders, self.folder, self.reference_file.parent) for path in folder.rglob("*")]
        found = hashlib.sha256()
        for path in sorted(path for path in files if path.is_file() and "__pycache__" not in path.parts):
            found.update(path.relative_to(self._kit.root).as_posix().encode() + b"\0" + path.read_bytes())
        return found.hexdigest()


@dataclass(frozen=True)
class Kit:
    """A folder with `graders/`, `reference/` and `assignments/`."""

    root: Path

    def names(self) -> list[str]:
        """Names of all assignments, in alphabetical order."""
        return sorted(path.parent.name for path in (self.root / "graders").glob(f"*/{MANIFEST}"))

    def assignments(self, only: str | None = None) -> list[Assignment]:
        """All assignments, or the one of the name `only`; raises KitError."""
        return [self.assignment(name) for name in ([only] if only else self.names())]

    def assignment(self, name: str) -> Assignment:
        """The assignment `name`, its manifest validated; raises KitError."""
        return _load(self, name)

    @property
    def data_folder(self) -> Path:
        """Data sets that students receive."""
        return self.root / "assignments" / "data"

    def activate(self) -> None:
        """Import `graders` and `reference` from this kit, and from no other folder of these names."""
        content.bind(self.root)


def find(explicit: Path | None = None) -> Kit:
    """The kit in use: `explicit`, the one that CVAEKIT_KIT names, the one that encloses the working directory, or the
    shipped one. Raises KitError when a kit that is asked for is none."""
    if explicit is not None:
        return _asked_for(explicit, "--kit")
    if named := os.environ.get(VARIABLE):
        return _asked_for(Path(named), VARIABLE)
    return enclosing(Path.cwd()) or Kit(SHIPPED)


def enclosing(folder: Path) -> Kit | None:
    """The innermost kit that `folder` lies in, if it belongs to the user: other users' checks are not run unasked."""
    for root in (folder, *folder.parents):
        if is_kit(root) and (not hasattr(os, "getuid") or root.stat().st_uid == os.getuid()):
            return Kit(root)
    return None


def is_kit(folder: Path) -> bool:
    return all((folder / part).is_dir() for part in PARTS) and bool(Kit(folder).names())


def _asked_for(folder: Path, origin: str) -> Kit:
    if not is_kit(folder):
        parts = ", ".join(f"{part}/" for part in PARTS)
        raise KitError(
            f"{origin} {folder}: not a kit. A kit is a folder with {parts}, and an {MANIFEST} in graders/NAME/; "
            f"`cvaekit new NAME --kit {folder}` makes one."
        )
    return Kit(folder.resolve())


@cache
def _load(kit: Kit, name: str) -> Assignment:
    if name not in kit.names():
        raise KitError(f"no assignment {name!r}; there are: {', '.join(kit.names()) or 'none'}")
    path = kit.root / "graders" / name / MANIFEST
    try:
        found = Assignment.model_validate(read_toml(path))
    except ValidationError as error:
        raise KitError("\n".join(f"{shown(path)}: {line}" for line in explained(error, Assignment))) from None
    found._kit, found._name = kit, name
    if problems := list(_inconsistencies(found)):
        raise KitError("\n".join(problems))
    return found


def read(path: Path) -> str:
    """The text of a kit's file. Raises KitError for one that is missing, or is not UTF-8."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise KitError(f"{shown(path)} is missing") from None
    except OSError as error:
        raise KitError(f"{shown(path)} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError as error:
        raise KitError(f"{shown(path)}: byte {error.start} is not UTF-8; save the file as UTF-8") from None


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a kit's TOML file. Raises KitError."""
    try:
        return tomllib.loads(read(path))
    except tomllib.TOMLDecodeError as error:
        raise KitError(f"{shown(path)}: not TOML: {error}") from None


def shown(path: Path) -> str:
    """A path as messages name it: from the kit's root on."""
    inside = [number for number, part in enumerate(path.parts[:-1]) if part in PARTS]
    return "/".join(path.parts[inside[-1] if inside else -1 :])


def _inconsistencies(found: Assignment) -> Iterator[str]:
    """What is wrong between a manifest and the files beside it."""
    manifest, ids = shown(found.manifest_file), [task.id for task in found.tasks]
    for task in found.tasks:
        where = f"{manifest}: task {task.id}"
        if ids.count(task.id) > 1:
            yield f"{where}: more than one task has this id; give each its own"
        for needed in task.depends_on:
            if needed not in ids or needed == task.id:
                yield f"{where}: depends_on names {needed!r}, which is no other task; tasks are {', '.join(ids)}"
        path = found.checks_of(task)
        if not path.is_file():
            yield f"{where}: its checks are missing; write them into {shown(path)}"
            continue
        try:
            points = dict(points_of_checks(path))
        except (SyntaxError, ValueError) as error:
            yield f"{shown(path)}: {error}"
            continue
        if not points:
            yield f"{shown(path)}: holds no check; a check is a function whose name starts with test_"
        elif not math.isclose(sum(points.values()), task.points):
            worth = f"{sum(points.values()):g} ({listed(points)})"
            yield (
                f"{where}: points = {task.points:g}, and its checks are worth {worth}; "
                f"change one of them in {shown(path)}, or the manifest"
            )
    for path in (found.probes, found.reference_file):
        if not path.is_file():
            yield f"{manifest}: {shown(path)} is missing"
    for device in found.devices:
        if device not in ("cpu", "cuda"):
            yield f"{manifest}: devices names {device!r}; there are cpu and cuda"
