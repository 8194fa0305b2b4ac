"""`nbgrader export`, one row per student and task."""

import csv

from nbgrader.api import Assignment, Grade, Gradebook, MissingEntry, Student
from nbgrader.plugins import ExportPlugin

FIELDS = (
    "assignment",
    "student_id",
    "last_name",
    "first_name",
    "email",
    "timestamp",
    "task",
    "score",
    "max_score",
    "status",
)


class TaskExport(ExportPlugin):
    """Writes a CSV file (`--to`, by default tasks.csv) with every mark of every student.

    `status` is graded, needs grading (by a person), or not submitted; then there is no score. Late penalties concern a
    whole submission, and are in nbgrader's own export.
    """

    def export(self, gradebook: Gradebook) -> None:
        path = self.to or "tasks.csv"
        with open(path, "w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, FIELDS)
            writer.writeheader()
            for assignment in gradebook.assignments:
                for student in gradebook.students:
                    if _chosen(assignment.name, self.assignment) and _chosen(student.id, self.student):
                        writer.writerows(_rows(gradebook, assignment, student))
        self.log.info("Wrote %s", path)


def _chosen(name: str, only: list[object]) -> bool:
    return not only or name in map(str, only)


def _rows(gradebook: Gradebook, assignment: Assignment, student: Student) -> list[dict[str, object]]:
    row = {"assignment": assignment.name, "student_id": student.id, "email": student.email}
    row |= {"last_name": student.last_name, "first_name": student.first_name}
    try:
        submission = gradebook.find_submission(assignment.name, student.id)
    except MissingEntry:
        cells = [cell for notebook in assignment.notebooks for cell in (*notebook.grade_cells, *notebook.task_cells)]
        return [row | {"task": cell.name, "max_score": cell.max_score, "status": "not submitted"} for cell in cells]
    row["timestamp"] = submission.timestamp
    grades = [grade for notebook in submission.notebooks for grade in notebook.grades]
    return [row | {"task": grade.name, "max_score": grade.max_score, **_mark(grade)} for grade in grades]


def _mark(grade: Grade) -> dict[str, object]:
    if grade.needs_manual_grade:
        return {"status": "needs grading"}
    return {"score": grade.score, "status": "graded"}
