"""What stands in a graded cell afterwards, and what keeps a submission from getting a mark at all."""

import nbformat
import pytest
from nbconvert.exporters.exporter import ResourcesDict
from nbgrader.utils import determine_grade

from cvaekit.notebook import autograde
from cvaekit.report.model import Report, TaskReport


def report(score=3.0, outcome="graded"):
    task = TaskReport("kl_loss", "KL", score, 15.0, "wrong", "Got: \x1b[31mred\x07", notes=["mind the log"])
    total = score if outcome == "graded" else None
    return Report("conditional_vae", outcome, {"name": "x"}, total, 15.0, [task], {}, "cpu", 0.1, {})


def cell(name="kl_loss", points=15.0, text="check()\n### BEGIN HIDDEN TESTS\nsecret()\n### END HIDDEN TESTS"):
    role = {"schema_version": 3, "grade": True, "solution": False, "locked": True, "grade_id": name, "points": points}
    return nbformat.v4.new_code_cell(text, metadata={"nbgrader": role})


def marked(cells, found):
    notebook = nbformat.v4.new_notebook(cells=cells)
    autograde.GradeInSandbox().mark(notebook, found, ResourcesDict())
    return notebook.cells


def test_nbgrader_reads_the_score_and_students_the_feedback():
    [found] = marked([cell()], report())
    assert determine_grade(found) == (3.0, 15.0)
    assert found.outputs[0].text == "kl_loss: wrong, 3 of 15 points\nGot: [31mred\nNote: mind the log\n"
    assert found.source == "check()"


@pytest.mark.parametrize(("points", "score"), [(15.0, 3.0), (30.0, 6.0), (1.0, 0.2), (0.0, 0.0)])
def test_an_instructors_other_points_scale_the_score(points, score):
    [found] = marked([cell(points=points)], report())
    assert determine_grade(found) == (score, points)


def test_a_test_that_nobody_grades_is_no_full_mark():
    with pytest.raises(autograde.UngradableError, match="the test cell extra belongs to no task"):
        marked([cell("extra")], report())


def test_a_failure_of_the_graders_own_is_no_mark():
    failed = report(0.0, "ungradable")
    failed.tasks[0].feedback = "The grader's sandbox failed: no room"
    with pytest.raises(autograde.UngradableError, match="no room"):
        marked([cell()], failed)
