"""Read the cells of a notebook file. Metadata and outputs are not trusted, and nothing is executed."""

import json
from dataclasses import dataclass
from typing import Any

MAX_NOTEBOOK_BYTES = 20 * 1024 * 1024  # with the pictures in its outputs


class NotebookError(Exception):
    """A file is not a notebook that can be read. The message ends a sentence that starts with the file's name."""


@dataclass(frozen=True)
class Cell:
    """One cell. kind: its cell type; names: its grade id for nbgrader and its cell id, where it has them."""

    kind: str
    source: str
    names: tuple[str, ...] = ()


def cells(content: bytes) -> list[Cell]:
    """Return the cells of a notebook in format 4, whose other content may be invalid. Raises NotebookError."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotebookError("is not a notebook (it is not JSON). Save it again with Jupyter") from error
    found = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(found, list):
        raise NotebookError("is not a notebook in format 4 (it has no cells). Save it again with Jupyter")
    return [_cell(entry) for entry in found if isinstance(entry, dict)]


def _cell(entry: dict[str, Any]) -> Cell:
    source = entry.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = entry.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    names = tuple(name for name in (grade_id, entry.get("id")) if isinstance(name, str))
    kind = entry.get("cell_type")
    return Cell(kind if isinstance(kind, str) else "raw", source if isinstance(source, str) else "", names)
