"""A course from end to end, with nbgrader's own commands.

`test_course_in_full.py` adds what takes minutes: execution by nbgrader itself, the exchange, the pages.
"""

import json
import re

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from notebook_course import ANSWER, ANSWERED, ASSIGNMENT, MISTAKES, NOTEBOOK, VARIANT, solutions
from shipped import KIT, ROOT
from typer.testing import CliRunner

from cvaekit.command.main import app

HONEST = sorted(solutions())
HOSTILE = ("garbage", "hostile", "tampered")
POINTS = {task.id: task.points for task in KIT.assignment(ASSIGNMENT).tasks}


@pytest.fixture(scope="module")
def reports(course):
    """What `cvaekit grade` says of the same files, without any course: student -> report."""
    students = [*HONEST, *HOSTILE]
    paths = [course.submitted(student) for student in students]
    result = course.run("cvaekit", "grade", *paths, "--json", course.folder / "reports.jsonl", "--jobs", "2")
    assert result.returncode == 0
    lines = (course.folder / "reports.jsonl").read_text().splitlines()
    return dict(zip(students, map(json.loads, lines), strict=True))


def test_the_released_notebook_is_the_one_in_assignments(course):
    assert course.released == (ROOT / "assignments" / ASSIGNMENT / NOTEBOOK).read_text(encoding="utf-8")


def test_the_gradebook_has_the_command_lines_score_for_every_task(marks, reports):
    assert len(marks) == 12
    told = {student: {task["id"]: task["score"] for task in report["tasks"]} for student, report in reports.items()}
    assert dict(marks) == told


def test_a_notebook_scores_as_the_python_file_it_was_filled_from(marks, grade):
    for student in ("right", "std_is_variance", "encode_cat_rows"):
        report = grade(solutions()[student])  # without the training run, which takes seconds
        assert {t.id: t.score for t in report.tasks if t.id != "training"} == {
            task: score for task, score in marks[student].items() if task != "training"
        }


def test_right_work_gets_all_points_and_each_mistake_loses_some(marks):
    for student in ("right", VARIANT):
        assert marks[student] == POINTS
    assert set(marks["untouched"].values()) == {0.0}
    for student in MISTAKES:
        assert 0 < sum(marks[student].values()) < 100


def test_hostile_submissions_gain_nothing(marks):
    assert marks["tampered"] == marks["bce_per_pixel"]
    assert set(marks["garbage"].values()) == {0.0}
    lost = {task for task, score in marks["hostile"].items() if score < POINTS[task]}
    assert lost == {"reconstruction_loss", "kl_loss", "training"}


def test_nothing_but_information_is_printed(course):
    for command, printed in course.log.items():
        for line in printed.splitlines():
            assert re.match(r"\[\w+ \| INFO\] |wrote |Next: |\s*$", line) or command == "grade", line
        assert "Traceback" not in printed
        assert "Warning" not in printed


def test_the_written_answer_waits_for_a_person(course):
    waits = {row["student_id"]: row["status"] for row in course.rows() if row["task"] == "kl_question"}
    assert {student for student, status in waits.items() if status == "needs grading"} == {
        *ANSWERED,
        "hostile",
        "garbage",
    }
    assert ANSWER in (course.folder / "autograded" / "right" / ASSIGNMENT / NOTEBOOK).read_text(encoding="utf-8")


def test_the_export_has_a_row_for_each_student_and_task(course):
    rows = course.rows()
    assert len(rows) == 12 * 9
    assert len({(row["student_id"], row["task"]) for row in rows}) == len(rows)
    assert {row["task"]: float(row["max_score"]) for row in rows} == POINTS | {"kl_question": 10.0}


def test_autograded_notebooks_are_valid_and_keep_the_students_cells(course):
    for student in (*HONEST, *HOSTILE):
        notebook = nbformat.read(course.folder / "autograded" / student / ASSIGNMENT / NOTEBOOK, as_version=4)
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
        graded = [c.metadata.nbgrader.grade_id for c in notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
        assert sorted(graded) == sorted([*POINTS, "kl_question"])
    assert "sqlite3" in (course.folder / "autograded" / "hostile" / ASSIGNMENT / NOTEBOOK).read_text(encoding="utf-8")


def test_feedback_shows_score_and_hint_and_nothing_hidden(course, reference_text):
    pages = {student: page(course, student) for student in (*HONEST, *HOSTILE)}
    hidden = ["cvaekit.notebook", 'score("conditional_vae"', "BEGIN SOLUTION"]
    assert all(text in course.instructors for text in hidden)
    for student, text in pages.items():
        assert not [line for line in hidden if line in text], student
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", reference_text, re.DOTALL)
    code = [line.strip() for region in regions[1:] for line in region.splitlines() if "#:" not in line and line.strip()]
    starter = solutions()["untouched"]
    secret = [line for line in code if line not in starter]
    assert len(secret) > 6
    assert not [line for line in secret if line in pages["untouched"]]
    assert "kl_loss: wrong" in pages["kl_not_reduced"]
    assert "Hint: " in pages["kl_not_reduced"]
    assert "is not a notebook" in pages["garbage"]


def page(course, student):
    html = (course.folder / "feedback" / student / ASSIGNMENT / "cvae.html").read_text(encoding="utf-8")
    return re.sub(r"<[^>]+>", "", html)


def test_a_second_init_writes_nothing_over_work(course):
    config = course.folder / "nbgrader_config.py"
    before = config.read_text()
    config.write_text(before + "# mine\n")
    result = CliRunner().invoke(app, ["course", "init", str(course.folder)])
    assert result.exit_code == 2
    assert "already holds nbgrader_config.py, with other content" in " ".join(result.output.split())
    assert config.read_text() == before + "# mine\n"
    config.write_text(before)
    result = CliRunner().invoke(app, ["course", "init", str(course.folder)])
    assert "nothing to write: all of it is there" in result.output
