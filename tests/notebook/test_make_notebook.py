"""The instructor's notebook, the student's, and the course around them, without nbgrader's commands."""

import gzip
import json

import nbformat
import pytest
from nbgrader.nbgraderformat import MetadataValidator
from shipped import KIT

from cvaekit.notebook import course, instructor_notebook, student_notebook

MANIFEST = KIT.assignment("conditional_vae")
HANDOUT = "# Title\n\n## What it is\n\ntext\n\n### Task 1: first_one\n\nmore\n\n## Next\n"
REFERENCE = """import a
from b import c

class Model(c):
    def __init__(self):
        ### BEGIN SOLUTION
        self.x = 1
        ### END SOLUTION

    def f(self):
        # why
        return 2


def loss():
    return 3
"""


@pytest.fixture(scope="module")
def instructors():
    return instructor_notebook.make(MANIFEST)


def role(cell):
    return cell.metadata.get("nbgrader", {})


def test_both_notebooks_are_valid_and_the_same_every_time(instructors):
    students = student_notebook.make(MANIFEST)
    assert students == student_notebook.make(MANIFEST)
    for notebook in (instructors, nbformat.reads(students, as_version=4)):
        nbformat.validate(notebook)
        MetadataValidator().validate_nb(notebook)
        assert len({cell.id for cell in notebook.cells}) == len(notebook.cells)


def test_every_task_has_a_cell_with_its_points_below_its_gap(instructors):
    graded = {
        cell.id: role(cell)["points"] for cell in instructors.cells if role(cell).get("locked") and role(cell)["grade"]
    }
    assert graded == {task.id: task.points for task in MANIFEST.tasks}
    order = [cell.source if role(cell).get("solution") else cell.id for cell in instructors.cells]
    for task in MANIFEST.tasks:
        if task.gaps:
            place = next(number for number, text in enumerate(order) if f"TODO ({task.id})" in text)
            assert order.index(task.id) - place in (1, 2)


def test_the_students_notebook_holds_nothing_hidden():
    text = "\n".join("".join(cell["source"]) for cell in json.loads(student_notebook.make(MANIFEST))["cells"])
    for hidden in ("SOLUTION", "HIDDEN", "#:", "graders", "Model answer", "torch.cat([x", "randn_like", "logvar.exp()"):
        assert hidden not in text
    for task in MANIFEST.tasks:
        assert f"Sanity test of {task.id} ({task.points:g} points)" in text


def test_the_written_question_has_a_scheme_for_the_instructor_only(instructors):
    [question] = [cell for cell in instructors.cells if role(cell).get("grade") and role(cell)["solution"]]
    assert question.cell_type == "markdown"
    assert "Marking scheme" in question.source
    assert "YOUR ANSWER HERE" in student_notebook.make(MANIFEST)


def test_the_notebook_trains_as_the_grader_does():
    text, settings = student_notebook.make(MANIFEST), MANIFEST.settings["training"]
    assert f"def train(steps={settings['steps']}, batch={settings['batch']})" in text
    assert "lr=1.5e-3" in text
    assert settings["learning_rate"] == 1.5e-3
    assert f"loss_per_digit < {settings['limit']} and kl_per_digit > {settings['kl_floor']:g}" in text


def test_pieces_of_a_reference():
    assert instructor_notebook.piece(REFERENCE, "imports") == "import a\nfrom b import c"
    assert instructor_notebook.piece(REFERENCE, "Model.__init__").startswith(
        "class Model(c):\n    def __init__(self):\n        ### BEGIN"
    )
    assert instructor_notebook.piece(REFERENCE, "Model.__init__").endswith("### END SOLUTION")
    assert instructor_notebook.piece(REFERENCE, "Model.f") == "def f(self):\n    # why\n    return 2\n\n\nModel.f = f"
    assert instructor_notebook.piece(REFERENCE, "loss") == "def loss():\n    return 3"
    with pytest.raises(KeyError, match=r"defines no Model\.g"):
        instructor_notebook.piece(REFERENCE, "Model.g")


def test_sections_of_the_handout():
    assert instructor_notebook.section(HANDOUT, "what-it-is") == "## What it is\n\ntext"
    assert instructor_notebook.section(HANDOUT, "task-1-first_one") == "### Task 1: first_one\n\nmore"
    with pytest.raises(KeyError, match="no section #golf"):
        instructor_notebook.section(HANDOUT, "golf")


def test_a_course_is_written_once_and_never_over_work(tmp_path):
    content = course.files([MANIFEST], tmp_path)
    assert course.write(tmp_path, content) == list(content)
    assert course.write(tmp_path, content) == []
    packed = next(path for path in content if path.suffix == ".gz")
    (tmp_path / packed).write_bytes(gzip.compress(gzip.decompress(content[packed]), compresslevel=1))
    assert course.write(tmp_path, content) == []
    (tmp_path / packed).write_bytes(content[packed][:-9])
    with pytest.raises(FileExistsError, match=packed.name):
        course.write(tmp_path, content)
    (tmp_path / packed).unlink()
    (tmp_path / "README.md").write_text("mine")
    (tmp_path / "nbgrader_config.py").unlink()
    with pytest.raises(FileExistsError, match=r"^README\.md$"):
        course.write(tmp_path, content)
    assert not (tmp_path / "nbgrader_config.py").exists()


def test_the_course_names_what_it_holds(tmp_path):
    found = course.files([MANIFEST], tmp_path / "Modèles (2026) ")
    content = {path.as_posix(): data.decode("utf-8", "replace") for path, data in found.items()}
    assert "@" not in content["nbgrader_config.py"] + content["README.md"]
    assert "assignments = {'conditional_vae': 'conditional_vae'}" in content["nbgrader_config.py"]
    assert "c.CourseDirectory.course_id = 'Mod-les-2026'\n" in content["nbgrader_config.py"]
    assert "nbgrader autograde conditional_vae" in content["README.md"]
    compile(content["nbgrader_config.py"], "nbgrader_config.py", "exec")
