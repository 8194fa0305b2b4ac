"""An assignment that is no VAE, from `cvaekit new` to a graded nbgrader course, in a folder of its author's."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from commands import cvaekit
from shipped import KIT, ROOT

from cvaekit import bank
from cvaekit.author import scaffold, soundness
from cvaekit.author.generated_files import generated_files, write
from cvaekit.kit import SHIPPED, VARIABLE, Kit

OVERLAY = Path(__file__).parent / "attention"
NAME = "attention"


def turn_into_attention(root):
    """Change the scaffold as its author would: the guide's steps, file by file."""
    (root / "graders" / NAME / "test_unit_rows.py").unlink()
    for part in ("graders", "reference", "assignments"):
        shutil.copytree(OVERLAY / part, root / part / NAME, dirs_exist_ok=True)


@pytest.fixture(scope="module")
def kit(tmp_path_factory):
    """The finished kit."""
    root = tmp_path_factory.mktemp("author") / "my-kit"
    done = cvaekit("new", NAME, "--kit", root)
    assert done.returncode == 0, done.stderr
    assert f"wrote graders/{NAME}/assignment.toml" in done.stdout
    assert f"cvaekit check {NAME} --kit {root}" in done.stdout
    turn_into_attention(root)
    write(generated_files(Kit(root).assignment(NAME)))
    yield Kit(root)
    KIT.activate()


@pytest.fixture(scope="module")
def submissions(kit, tmp_path_factory):
    """Name -> path of the starter, the reference, a known mistake and a variant."""
    folder = tmp_path_factory.mktemp("handed_in")
    assignment = kit.assignment(NAME)
    banks = bank.load(assignment)
    texts = {
        "starter": (assignment.student_folder / assignment.starter).read_text(),
        "right": bank.solution(assignment),
    }
    texts |= {entry.id: entry.source(banks.reference) for entry in (*banks.mistakes, *banks.variants)}
    for name, text in texts.items():
        (folder / f"{name}.py").write_text(text)
    return {name: folder / f"{name}.py" for name in texts}


def test_the_visible_tests_of_the_scaffold_tell_right_from_open_work(tmp_path):
    scaffold.write_assignment(tmp_path, "first_steps")
    folder = tmp_path / "assignments" / "first_steps"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
    assert "0 of 1 tasks right" in shown
    shutil.copy(tmp_path / "reference/first_steps/first_steps.py", folder)
    shown = subprocess.run(command, cwd=folder, capture_output=True, text=True).stdout
    assert "1 of 1 tasks right" in shown


def test_the_scaffold_is_clean(tmp_path):
    scaffold.write_assignment(tmp_path, "first_steps")
    for command in (["check"], ["format", "--check"]):
        ruff = [str(Path(sys.executable).with_name("ruff")), *command, "--config", str(ROOT / "pyproject.toml"), "."]
        done = subprocess.run(ruff, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


def test_it_goes_into_the_kit_that_is_named_or_encloses_the_folder(kit, tmp_path, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    assert scaffold.target(None) == tmp_path
    monkeypatch.chdir(kit.root / "graders" / NAME)
    assert scaffold.target(None) == kit.root
    assert scaffold.target(Path("other")) == kit.root / "graders" / NAME / "other"
    monkeypatch.setenv(VARIABLE, str(tmp_path / "named"))
    assert scaffold.target(None) == tmp_path / "named"


def test_it_never_goes_into_the_installed_package():
    with pytest.raises(scaffold.RefusedError, match="belongs to the installed package"):
        scaffold.write_assignment(SHIPPED / "cvaekit" / "shipped", "fine")


def test_it_is_sound(kit):
    assert soundness.check_files(kit, NAME) == []
    assert list(soundness.check_grading(kit.assignment(NAME))) == []


def test_it_grades(kit, submissions, tmp_path):
    done = cvaekit("grade", *submissions.values(), "--kit", kit.root, "--json", tmp_path / "marks.jsonl")
    assert done.returncode == 0, done.stderr
    lines = (tmp_path / "marks.jsonl").read_text().splitlines()
    reports = {Path(report["submission"]["name"]).stem: report for report in map(json.loads, lines)}
    assert reports.keys() == submissions.keys()
    assert {report["assignment"] for report in reports.values()} == {NAME}
    scores = {name: report["score"] for name, report in reports.items()}
    assert scores["starter"] == 0
    assert scores["right"] == scores["torch_has_it"] == scores["mask_by_comparison"] == 30
    for mistake, score in (("mask_looks_ahead", 20), ("scores_not_scaled", 10)):
        assert scores[mistake] == score
        assert mistake in [task["mistake"] for task in reports[mistake]["tasks"]]


def test_it_is_audited(kit):
    done = cvaekit("audit", "--kit", kit.root)
    assert done.returncode == 0, done.stdout
    assert "3 of 3 mistakes lose points in their task, 3 of them are diagnosed" in " ".join(done.stdout.split())


def test_from_inside_the_kit_it_needs_no_option(kit):
    done = cvaekit("build", "--check", cwd=kit.root / "graders" / NAME)
    assert done.returncode == 0, done.stdout
    assert "up to date" in done.stdout


def test_its_checks_run_by_hand(kit, submissions):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"graders/{NAME}"]
    command += ["--submission", str(submissions["scores_not_scaled"])]
    done = subprocess.run(command, cwd=kit.root, capture_output=True, text=True)
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 1 passed" in done.stdout


def test_a_course_of_it_is_graded_by_nbgrader(kit, submissions, tmp_path):
    sys.path.insert(0, str(ROOT / "tests" / "notebook"))
    import hand_in
    import nbformat
    from notebook_course import Course

    course = Course(tmp_path / "course")
    course.run("cvaekit", "course", "init", course.folder, "--kit", kit.root, cwd=tmp_path)
    course.run("nbgrader", "generate_assignment", NAME)
    released = (course.folder / "release" / NAME / "attention.ipynb").read_text(encoding="utf-8")
    for student in ("right", "scores_not_scaled"):
        path = course.folder / "submitted" / student / NAME / "attention.ipynb"
        path.parent.mkdir(parents=True)
        path.write_text(nbformat.writes(hand_in.filled(released, submissions[student].read_text())), encoding="utf-8")
    course.run("nbgrader", "autograde", NAME)
    course.run("nbgrader", "export", "--exporter=cvaekit.notebook.export.TaskExport", "--to=tasks.csv")
    assert course.marks() == {
        "right": {"causal_mask": 10.0, "attend": 20.0},
        "scores_not_scaled": {"causal_mask": 10.0, "attend": 0.0},
    }


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["Not-a-name"], "cannot name an assignment"),
        (["class"], "cannot name an assignment"),
        (["attention"], "graders/attention is there already. Choose another name"),
        (["data"], "'data' means something else to Python, pytest or a kit"),
        (["fine", "--kit", "file"], "file"),
    ],
)
def test_what_cannot_be_written_is_refused_and_nothing_is_written(arguments, message, tmp_path):
    (tmp_path / "graders" / "attention").mkdir(parents=True)
    (tmp_path / "file").write_text("")
    before = sorted(tmp_path.rglob("*"))
    done = cvaekit("new", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before
