"""The schema of a manifest, and messages for what does not fit it."""

import ast
import difflib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

IDENTIFIER, FILE_NAME = r"^[a-z][a-z0-9_]{0,39}$", r"^[\w.-]+$"
SYMBOL = r"^[A-Za-z_]\w*(\.[A-Za-z_]\w*)?$"
# What to write where a pattern does not match.
IN_WORDS = {
    IDENTIFIER: "write lower-case letters, numbers and _, starting with a letter, at most 40 characters",
    FILE_NAME: "write the name of a file, without a folder",
    SYMBOL: "write function or Class.method",
}
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]
FileName = Annotated[str, StringConstraints(pattern=FILE_NAME)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Table(BaseModel):
    """A TOML table in which every key is known. Manifests, and the settings of an assignment, are made of these."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Task(Table):
    """One thing a student has to do, judged on its own.

    symbol: where the work goes (`Class.method` or `function`); gaps: the names to which the starter assigns its
    placeholders there; slow: it takes seconds to judge, so an audit leaves it out where it can.
    """

    id: Identifier
    title: Text
    symbol: Annotated[str, StringConstraints(pattern=SYMBOL)]
    gaps: tuple[Text, ...]
    points: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    hint: Text
    handout: Text
    depends_on: tuple[str, ...] = ()
    slow: bool = False


class Manifest(Table):
    """What `graders/NAME/assignment.toml` says of an assignment.

    files: accepted names of a submission, the first found wins; symbols: what a file of any other name must define;
    starter, reference, notebook: file names; shared: files of `reference/` that students receive as they are; scripts:
    further files for students; data: folders of `assignments/data` that go out with the notebook; devices: where its
    training can run; settings: tables that only its own checks read.
    """

    title: Text
    files: Annotated[tuple[FileName, ...], Field(min_length=1)]
    symbols: Annotated[tuple[Text, ...], Field(min_length=1)]
    starter: FileName
    reference: FileName
    notebook: FileName
    shared: tuple[FileName, ...] = ()
    scripts: tuple[FileName, ...] = ()
    data: tuple[FileName, ...] = ()
    devices: tuple[str, ...] = ("cpu",)
    tasks: tuple[Task, ...] = Field(alias="task")
    settings: dict[str, dict[str, Any]] = Field(default_factory=dict)


def explained(error: ValidationError, schema: type[BaseModel]) -> Iterator[str]:
    """What is wrong with a table, a line each: the key, and what to write instead."""
    for fault in error.errors():
        place, known, path = "", schema, list(fault["loc"])
        if path[:1] == ["task"] and len(path) > 2:
            place, known, path = f"[[task]] number {int(path[1]) + 1}: ", Task, path[2:]
        key = ".".join(map(str, path))
        if fault["type"] == "extra_forbidden":
            names = [field.alias or name for name, field in known.model_fields.items()]
            close = difflib.get_close_matches(key, names, 1)
            yield f"{place}unknown key {key}; " + (
                f"did you mean {close[0]}?" if close else f"known: {', '.join(names)}"
            )
        elif fault["type"] == "missing":
            yield f"{place}the key {key} is missing"
        else:
            wish = IN_WORDS.get(fault.get("ctx", {}).get("pattern", ""), fault["msg"][:1].lower() + fault["msg"][1:])
            yield f"{place}{key} = {fault['input']!r:.60}: {wish}"


def points_of_checks(path: Path) -> Iterator[tuple[str, float]]:
    """Name and points of each check in a file; ValueError with the line for points that are no plain number."""
    for node in ast.parse(path.read_bytes(), path.name).body:
        if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
            continue
        points = 0.0
        for mark in node.decorator_list:
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.points":
                value = mark.args[0] if len(mark.args) == 1 else None
                if not isinstance(value, ast.Constant) or not isinstance(value.value, int | float):
                    raise ValueError(f"line {mark.lineno}: write the points as one number, @pytest.mark.points(3)")
                points += value.value
        yield node.name.removeprefix("test_"), points


def core_checks(path: Path) -> set[str]:
    """Names of the checks in a file that are marked as core."""
    functions = [node for node in ast.parse(path.read_bytes(), path.name).body if isinstance(node, ast.FunctionDef)]
    return {
        function.name.removeprefix("test_")
        for function in functions
        if any(ast.unparse(mark) == "pytest.mark.core" for mark in function.decorator_list)
    }


def listed(points: dict[str, float]) -> str:
    """Checks and their points, as messages list them."""
    return ", ".join(f"{name} {value:g}" for name, value in points.items())
