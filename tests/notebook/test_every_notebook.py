"""What holds for every assignment's notebook: it is valid, leaks nothing, speaks in words, and grades as its file."""

import hand_in
import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from shipped import KIT, ROOT
from test_sanity_cells import run, told

from cvaekit import bank
from cvaekit.grading.session import Session
from cvaekit.kit import read_toml
from cvaekit.notebook import instructor_notebook
from cvaekit.sandbox import SandboxError
from cvaekit.submission import intake

# Fewer steps, so that the cells around a training run are tried in seconds
SHORTENED = {"epochs=6": "epochs=1", "epochs=16": "epochs=2", "steps=500": "steps=2", "[:6000]": "[:300]"}


@pytest.fixture(scope="module", params=KIT.names())
def found(request):
    return KIT.assignment(request.param)


@pytest.fixture(scope="module")
def released(found):
    path = ROOT / "assignments" / found.name / found.notebook
    return path.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def right(found):
    """The reference as a submission's text."""
    return bank.solution(found)


def shortened(notebook):
    for cell in notebook.cells:
        for long, short in SHORTENED.items():
            cell.source = cell.source.replace(long, short)
    return notebook


def test_it_is_valid_and_every_task_has_its_points(found, released):
    for notebook in (instructor_notebook.make(found), nbformat.reads(released, as_version=4)):
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
    roles = {cell.id: cell.metadata.get("nbgrader", {}) for cell in instructor_notebook.make(found).cells}
    graded = {name: role["points"] for name, role in roles.items() if role.get("grade") and not role["solution"]}
    assert graded == {task.id: task.points for task in found.tasks}
    questions = [name for name, role in roles.items() if role.get("grade") and role["solution"]]
    assert questions == questions_of(found)


def test_it_holds_nothing_hidden(found, released):
    for hidden in ("SOLUTION", "HIDDEN", "#:", "cvaekit.notebook", "Model answer", "Marking scheme"):
        assert hidden not in released
    assert released.count("YOUR ANSWER HERE") == len(questions_of(found))


def questions_of(assignment):
    """The names of the questions in its plan, which a person grades."""
    plan = read_toml(assignment.folder / "notebook.toml")
    return [cell["question"] for cell in plan["cell"] if "question" in cell]


def test_right_work_passes_its_sanity_tests(found, released, right, digits_are_found):
    shown = run(shortened(hand_in.filled(released, right)))
    failed = {name for name, what in shown.items() if isinstance(what, Exception)}
    assert failed <= {task.id for task in found.tasks if task.slow}  # which were hardly trained
    for task in found.tasks:
        if not task.slow:
            assert shown[task.id].startswith(f"{task.id}: ")


def test_an_untouched_notebook_is_told_in_words(found, released, digits_are_found):
    shown = run(shortened(nbformat.reads(released, as_version=4)))
    for task in found.tasks:
        assert told(shown[task.id])
    for what in shown.values():
        if isinstance(what, Exception):
            told(what)


def test_it_grades_as_the_file_that_it_was_filled_from(found, released, right, tmp_path):
    paths = [tmp_path / found.notebook, tmp_path / "work.py"]
    paths[0].write_text(nbformat.writes(hand_in.filled(released, right)), encoding="utf-8")
    paths[1].write_text(right, encoding="utf-8")
    left_out = tuple(task.id for task in found.tasks if task.slow)
    try:
        with Session(found, min_isolation=3) as session:
            submissions = [intake.find(path, found) for path in paths]
            reports = [session.grade(one, left_out=left_out) for one in submissions]
    except SandboxError as error:
        pytest.skip(str(error))
    scores = [[task.score for task in report.tasks] for report in reports]
    assert scores[0] == scores[1] == [0.0 if task.slow else task.points for task in found.tasks]
