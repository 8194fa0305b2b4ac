"""A course with every assignment of the kit: plain nbgrader commands, and the command line's score for every task."""

import csv
import json

import hand_in
import nbformat
import pytest
from notebook_course import Course
from shipped import KIT

from cvaekit import bank

# test_course.py takes Exercise 3 through a course in every run of the tests, with more submissions
pytestmark = pytest.mark.course
NEW = [name for name in KIT.names() if name != "conditional_vae"]
MISTAKES = {"explore_cvae": "map_on_its_side", "thickness_cvae": "decoder_thickness_forgotten"}  # which trains nothing


@pytest.fixture(scope="module")
def course(tmp_path_factory, session):
    """A course in which two students have handed in two assignments; `session` skips where nothing is graded."""
    course = Course(tmp_path_factory.mktemp("course") / "cvae-2026")
    course.run("cvaekit", "course", "init", course.folder, cwd=course.folder.parent)
    for name in NEW:
        course.run("nbgrader", "generate_assignment", name)
        entries, found = bank.load(KIT.assignment(name)), KIT.assignment(name)
        notebook = found.notebook
        released = (course.folder / "release" / name / notebook).read_text(encoding="utf-8")
        [wrong] = [entry for entry in entries.mistakes if entry.id == MISTAKES[name]]
        texts = {"wrong": nbformat.writes(hand_in.filled(released, wrong.source(entries.reference)))}
        for student, text in (texts | {"untouched": released}).items():
            path = course.folder / "submitted" / student / name / notebook
            path.parent.mkdir(parents=True)
            path.write_text(text, encoding="utf-8")
        course.run("nbgrader", "autograde", name)
        course.run("nbgrader", "generate_feedback", name)
    course.run("nbgrader", "export", "--exporter=cvaekit.notebook.export.TaskExport", "--to=tasks.csv")
    return course


@pytest.mark.parametrize("name", NEW)
def test_the_gradebook_has_the_command_lines_scores(course, name):
    with (course.folder / "tasks.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["assignment"] == name]
    tasks = {task.id for task in KIT.assignment(name).tasks}
    students = ("wrong", "untouched")
    paths = [course.folder / "submitted" / student / name / KIT.assignment(name).notebook for student in students]
    result = course.run("cvaekit", "grade", *paths, "--json", course.folder / "reports.jsonl")
    assert result.returncode == 0
    reports = map(json.loads, (course.folder / "reports.jsonl").read_text().splitlines())
    for student, report in zip(students, reports, strict=True):
        marks = {
            row["task"]: float(row["score"]) for row in rows if row["student_id"] == student and row["task"] in tasks
        }
        assert report["assignment"] == name
        assert marks == {task["id"]: task["score"] for task in report["tasks"]}
        assert 0 < sum(marks.values()) < 100 if student == "wrong" else sum(marks.values()) == 0


@pytest.mark.parametrize("name", NEW)
def test_feedback_names_the_misconception_and_hides_the_answer(course, name):
    notebook = KIT.assignment(name).notebook
    page = (course.folder / "feedback" / "wrong" / name / notebook).with_suffix(".html").read_text(encoding="utf-8")
    [wrong] = [entry for entry in bank.load(KIT.assignment(name)).mistakes if entry.id == MISTAKES[name]]
    assert wrong.hint.split(".")[0] in page
    for hidden in ("Marking scheme", "HIDDEN", "cvaekit.notebook"):
        assert hidden not in page
