"""What several files need: digits for a notebook's cells, figures without a window, and a course."""

import pytest
from notebook_course import ASSIGNMENT, Course, hand_ins
from shipped import ROOT


@pytest.fixture(scope="module", autouse=True)
def without_a_window():
    import matplotlib

    matplotlib.use("agg")


@pytest.fixture(scope="module")
def digits_are_found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVAEKIT_DATA", str(ROOT / "assignments" / "data"))
        yield


@pytest.fixture(scope="module")
def course(tmp_path_factory, session):
    """A course with twelve graded submissions; `session` skips where submissions cannot be run safely."""
    course = Course(tmp_path_factory.mktemp("course") / "cvae-2026")
    course.run("cvaekit", "course", "init", course.folder, cwd=course.folder.parent)
    course.run("nbgrader", "generate_assignment", ASSIGNMENT)
    course.hand_in(hand_ins(course.released))
    course.run("nbgrader", "autograde", ASSIGNMENT)
    course.run("nbgrader", "export", "--exporter=cvaekit.notebook.export.TaskExport", "--to=tasks.csv")
    course.run("nbgrader", "generate_feedback", ASSIGNMENT)
    return course


@pytest.fixture(scope="module")
def marks(course):
    return course.marks()
