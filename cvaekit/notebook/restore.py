"""Read submitted notebooks for nbgrader, damaged and tampered ones too.

nbgrader trusts a submission's metadata: a duplicated cell stops the whole run, a deleted test leaves no mark, a file
that is not JSON costs the student the feedback. Here the student's cells keep their places and their text, and
everything that nbgrader relies on is taken from the gradebook again.
"""

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
from nbconvert.exporters import NotebookExporter
from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader.api import Gradebook, Notebook, SourceCell
from traitlets import Dict

from cvaekit.submission import intake
from cvaekit.submission.cells import Cell, NotebookError, cells

LOST_ANSWER = "*This answer was not found in the submission. It may stand in another cell of the notebook.*"


class RestoringExporter(NotebookExporter):
    """Autograde's exporter: reads submissions of the kit's assignments with `restored`, and others as always."""

    assignments = Dict(help="The kit's assignments in this course: nbgrader's name for each, and the kit's own.").tag(
        config=True
    )

    parent: Any  # Autograde

    def from_filename(self, filename: str, resources: Any = None, **kw: Any) -> tuple[Any, Any]:
        ids = resources["nbgrader"]
        if ids["assignment"] not in self.assignments or not self._is_submitted(filename, ids):
            return super().from_filename(filename, resources, **kw)
        path = Path(filename)
        resources["metadata"] = ResourcesDict(name=path.stem, path=str(path.parent))
        with Gradebook(ids["db_url"], self.parent.coursedir.course_id) as gradebook:
            notebook = restored(read(path), gradebook.find_notebook(ids["notebook"], ids["assignment"]))
        return self.from_notebook_node(notebook, resources, **kw)

    def _is_submitted(self, filename: str, ids: dict[str, str]) -> bool:
        course = self.parent.coursedir
        folder = course.format_path(course.submitted_directory, ids["student"], ids["assignment"])
        return Path(filename).parent.resolve() == Path(folder).resolve()


def read(path: Path) -> list[Cell]:
    """The cells of a submitted notebook; of a file that is none, one cell that says what is wrong with it."""
    found = intake.read_file(path, path.name)
    if found.fault:
        return [Cell("markdown", found.fault)]
    try:
        # JSON can hold halves of characters, which no file can be written with.
        return [replace(cell, source=cell.source.encode("utf-8", "replace").decode()) for cell in cells(found.source)]
    except NotebookError as error:
        return [Cell("markdown", f"{path.name} {error}.")]


def restored(submitted: list[Cell], notebook: Notebook) -> NotebookNode:
    """A valid notebook with the student's cells and every graded cell of `notebook`, each once and with its true role.

    Tests get their text from the gradebook, wherever they are found; those that are gone are put back behind the cell
    that they followed. Of an answer that stands there more than once, the last changed one counts, and the others are
    ordinary cells from then on.
    """
    roles = _Roles(notebook)
    claims = [next((name for name in cell.names if name in roles.cells), None) for cell in submitted]
    places = {name: _place(name, submitted, claims, roles) for name in roles.cells if name in claims}
    result: list[NotebookNode] = []
    for index, (cell, name) in enumerate(zip(submitted, claims, strict=True)):
        if name is None or places[name] != index or (not roles.is_marked(name) and not roles.keeps(name, cell)):
            result.append(_plain(cell))
        else:
            result.append(roles.cell(name, cell.source))
    before: NotebookNode | None = None
    for name in roles.cells:
        found = next((cell for cell in result if cell.metadata.get("nbgrader", {}).get("grade_id") == name), None)
        if found is None and roles.is_marked(name):
            found = roles.cell(name, LOST_ANSWER)
            result.insert(result.index(before) + 1 if before is not None else len(result), found)
        before = found or before
    restored = nbformat.v4.new_notebook(cells=result, metadata={"language_info": {"name": "python"}})
    nbformat.validate(restored)
    return restored


class _Roles:
    """What the gradebook knows of a notebook's cells, by grade id, in the notebook's order."""

    def __init__(self, notebook: Notebook):
        self.cells: dict[str, SourceCell] = {cell.name: cell for cell in notebook.source_cells}
        self.points = {cell.name: float(cell.max_score) for cell in (*notebook.grade_cells, *notebook.task_cells)}
        self.graded = {cell.name for cell in notebook.grade_cells}
        self.tasks = {cell.name for cell in notebook.task_cells}
        self.answers = {cell.name for cell in notebook.solution_cells}

    def is_marked(self, name: str) -> bool:
        """Whether the cell carries points, and so has to be there."""
        return name in self.points

    def is_written_by_student(self, name: str) -> bool:
        return name in self.answers

    def keeps(self, name: str, cell: Cell) -> bool:
        """Whether a cell without points is still what it was: the student's own, or given code that is unchanged."""
        source = self.cells[name]
        return cell.kind == source.cell_type and (name in self.answers or cell.source == source.source)

    def cell(self, name: str, submitted: str) -> NotebookNode:
        """The cell `name` with its true role; its text is `submitted` where students write it."""
        source = self.cells[name]
        text = source.source
        if name in self.answers:
            text = submitted if source.cell_type == "code" else harmless(submitted)
        new = nbformat.v4.new_code_cell if source.cell_type == "code" else nbformat.v4.new_markdown_cell
        role: dict[str, object] = {"schema_version": 3, "grade": name in self.graded, "solution": name in self.answers}
        role |= {"locked": bool(source.locked), "task": name in self.tasks, "grade_id": name}
        role |= {"cell_type": source.cell_type}
        role |= {"checksum": source.checksum} if source.checksum else {}
        role |= {"points": self.points[name]} if name in self.points else {}
        return new(text, metadata={"nbgrader": role})


def _place(name: str, submitted: list[Cell], claims: list[str | None], roles: _Roles) -> int:
    """Which of the cells that claim to be `name` is taken for it."""
    found = [index for index, claim in enumerate(claims) if claim == name]
    if not roles.is_written_by_student(name):
        return found[0]
    changed = [index for index in found if submitted[index].source != roles.cells[name].source]
    return (changed or found)[-1]


def _plain(cell: Cell) -> NotebookNode:
    new = {"code": nbformat.v4.new_code_cell, "markdown": nbformat.v4.new_markdown_cell}
    text = cell.source if cell.kind == "code" else harmless(cell.source)
    return new.get(cell.kind, nbformat.v4.new_raw_cell)(text)


def harmless(text: str) -> str:
    """A student's prose without HTML and without links that are scripts: nbgrader's pages show it as it stands, with
    the rights of whoever looks at it."""
    text = re.sub(r"&(?=[#A-Za-z])", "& ", text)  # or a tag, or a scheme, could be spelled with entities
    text = re.sub(r"<(?=[A-Za-z/!?])", "&lt;", text)
    return re.sub(r"(?i)\b(javascript|vbscript|data)\s*:", r"\1 :", text)
