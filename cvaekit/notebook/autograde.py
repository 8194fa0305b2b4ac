"""Autograding out of process: stands where nbgrader would execute a submitted notebook, and executes nothing."""

from pathlib import Path

from nbconvert.exporters.exporter import ResourcesDict
from nbformat import NotebookNode
from nbformat.v4 import new_output
from nbgrader.preprocessors import ClearHiddenTests, Execute
from nbgrader.utils import is_grade, is_solution
from traitlets import Dict, Integer, Unicode

from cvaekit.kit import SHIPPED, Kit
from cvaekit.notebook import feedback
from cvaekit.notebook.grader_service import Service
from cvaekit.report.model import Report, TaskReport

_services: dict[str, Service] = {}  # nbgrader makes a new preprocessor for every notebook; the grader stays


class UngradableError(Exception):
    """A submission that got no mark, through no fault of its own. nbgrader reports it and goes on with the next."""


class GradeInSandbox(Execute):
    """Grades the kit's assignments in its sandbox, and executes all others as nbgrader does.

    Takes the submitted file, not the notebook that nbgrader made of it: the mark is that of `cvaekit grade`. Into each
    graded cell go the feedback and, as its value, the points, from where gradebook and pages take them.
    """

    assignments = Dict(help="The kit's assignments in this course: nbgrader's name for each, and the kit's own.").tag(
        config=True
    )
    kit = Unicode("", help="The kit's folder; the shipped kit where it is empty.").tag(config=True)
    min_isolation = Integer(2, help="Grade nothing below this isolation level; see `cvaekit doctor`.").tag(config=True)

    def preprocess(
        self, nb: NotebookNode, resources: ResourcesDict, km: object = None
    ) -> tuple[NotebookNode, ResourcesDict]:
        ids = resources["nbgrader"]
        if ids["assignment"] not in self.assignments:
            return super().preprocess(nb, resources, km)
        course = self.parent.parent.coursedir
        folder = course.format_path(course.submitted_directory, ids["student"], ids["assignment"])
        assignment = self.assignments[ids["assignment"]]
        report = self._service(assignment).grade(Path(folder) / f"{ids['notebook']}.ipynb")
        self.mark(nb, report, resources)
        return nb, resources

    def _service(self, assignment: str) -> Service:
        kit = Kit(Path(self.kit or SHIPPED))
        kit.assignment(assignment)  # KitError for a name that is none, before a process is started for it
        if assignment not in _services or not _services[assignment].alive:
            _services[assignment] = Service(kit.root, assignment, self.min_isolation)
        return _services[assignment]

    def mark(self, nb: NotebookNode, report: Report, resources: ResourcesDict) -> None:
        """Put `report` into the graded cells of `nb`; UngradableError where there is no mark to put in."""
        if report.score is None:
            raise UngradableError(report.tasks[0].feedback)
        tasks = {task.id: task for task in report.tasks}
        hide = ClearHiddenTests(parent=self)  # the pages for students are made from what is left here
        for index, cell in enumerate(nb.cells):
            if cell.cell_type != "code" or not is_grade(cell) or is_solution(cell):
                continue
            grade_id = cell.metadata["nbgrader"]["grade_id"]
            if grade_id not in tasks:  # its outputs would stay empty, which nbgrader takes for full marks
                raise UngradableError(f"the test cell {grade_id} belongs to no task that cvaekit grades")
            hide.preprocess_cell(cell, resources, index)
            cell.outputs = _outputs(tasks[grade_id], float(cell.metadata["nbgrader"]["points"]))
            cell.execution_count = 1


def _outputs(task: TaskReport, points: float) -> list[NotebookNode]:
    """What nbgrader's `determine_grade` reads; scaled where the instructor gave the cell other points than the task."""
    score = task.score if points == task.max_score else round(task.score / task.max_score * points, 2)
    text = new_output("stream", name="stdout", text=feedback.lines(task))
    return [text, new_output("execute_result", {"text/plain": repr(min(score, points))}, execution_count=1)]
