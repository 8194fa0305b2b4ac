"""Make the student's notebook out of the instructor's, with the steps that `nbgrader generate_assignment` takes."""

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbgrader import preprocessors as steps
from nbgrader import utils

from cvaekit.kit import Assignment
from cvaekit.notebook import instructor_notebook
from cvaekit.starter import STARTER_LINE, starter


class ClearToStarter(steps.ClearSolutions):
    """Replaces a solution by the starter's lines that stand in it (`#: x = ...`), as the .py starter is made.

    A solution without such lines becomes nbgrader's usual stub.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: ResourcesDict, cell_index: int
    ) -> tuple[NotebookNode, ResourcesDict]:
        lines = [line.strip() for line in cell.source.split("\n")]
        if cell.cell_type == "code" and utils.is_solution(cell) and any(x.startswith(STARTER_LINE) for x in lines):
            cell.source = starter(cell.source, cell.metadata["nbgrader"]["grade_id"]).rstrip("\n")
            return cell, resources
        return super().preprocess_cell(cell, resources, cell_index)


# nbgrader's own list, with our ClearToStarter.
PREPROCESSORS = [
    steps.IncludeHeaderFooter,
    steps.LockCells,
    ClearToStarter,
    steps.ClearOutput,
    steps.CheckCellMetadata,
    steps.ComputeChecksums,
    steps.SaveCells,
    steps.ClearHiddenTests,
    steps.ClearMarkScheme,
    steps.ComputeChecksums,
    steps.CheckCellMetadata,
]


def make(assignment: Assignment) -> str:
    """The text of the student's notebook: what a course of the kit generates, without its gradebook."""
    notebook, resources = instructor_notebook.make(assignment), ResourcesDict()
    for step in PREPROCESSORS:
        if step is not steps.SaveCells:
            notebook, resources = step().preprocess(notebook, resources)
    return instructor_notebook.as_text(notebook)
