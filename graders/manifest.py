"""An assignment's manifest: `graders/<name>/assignment.toml`, the table that ties its four folders together."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GRADERS = Path(__file__).parent
ROOT = GRADERS.parent


@dataclass(frozen=True)
class Task:
    """One thing a student has to do, judged on its own.

    `symbol` is where the work goes (`Class.method` or `function`); `gaps` are the names to which the starter
    assigns its placeholders there. A `slow` task takes seconds to judge, so an audit leaves it out where it can.
    """

    id: str
    title: str
    symbol: str
    gaps: tuple[str, ...]
    points: float
    hint: str
    handout: str
    depends_on: tuple[str, ...] = ()
    slow: bool = False


@dataclass(frozen=True)
class Manifest:
    """What the engine knows of an assignment; `settings` holds the tables that only its own checks read."""

    name: str
    title: str
    files: tuple[str, ...]
    symbols: tuple[str, ...]
    tasks: tuple[Task, ...]
    settings: dict[str, Any]

    @property
    def folder(self) -> Path:
        """The hidden side: manifest, probes and checks."""
        return GRADERS / self.name

    @property
    def probes(self) -> Path:
        return self.folder / "probes.py"

    @property
    def max_score(self) -> float:
        return sum(task.points for task in self.tasks)

    def task(self, task_id: str) -> Task:
        return next(task for task in self.tasks if task.id == task_id)


def assignments() -> list[str]:
    """Names of all assignments, in alphabetical order."""
    return sorted(path.parent.name for path in GRADERS.glob("*/assignment.toml"))


def load(name: str) -> Manifest:
    """Read the manifest of assignment `name`; KeyError with the known names when there is none."""
    path = GRADERS / name / "assignment.toml"
    if name not in assignments():
        raise KeyError(f"no assignment {name!r}; there are: {', '.join(assignments())}")
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    tasks = tuple(
        Task(
            id=entry["id"],
            title=entry["title"],
            symbol=entry["symbol"],
            gaps=tuple(entry["gaps"]),
            points=float(entry["points"]),
            hint=entry["hint"],
            handout=entry["handout"],
            depends_on=tuple(entry.get("depends_on", ())),
            slow=entry.get("slow", False),
        )
        for entry in table.pop("task")
    )
    return Manifest(
        name=table.pop("name"),
        title=table.pop("title"),
        files=tuple(table.pop("files")),
        symbols=tuple(table.pop("symbols")),
        tasks=tasks,
        settings=table,
    )
