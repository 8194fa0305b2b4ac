"""The data of an assignment: loaded by its own `data.py`, if it has one."""

import importlib
from pathlib import Path
from typing import Any

from cvaekit.kit import Assignment


class SetupError(Exception):
    """Something that was asked for cannot be had here; the text is one line, with a way out."""


class DataError(SetupError):
    """Data that was asked for and cannot be used."""


def load(assignment: Assignment, folder: Path | None) -> Any:
    """What `load(folder)` of the assignment's data.py returns; None where there is none. Raises DataError."""
    if not (assignment.folder / "data.py").exists():
        if folder is not None:
            raise DataError(f"{assignment.name} takes no --data: it uses what comes with its kit. Leave --data out.")
        return None
    return importlib.import_module(f"graders.{assignment.name}.data").load(folder)
