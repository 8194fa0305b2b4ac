"""Which assignment a submission is work on shows from its file name, or from what it defines."""

import shutil

import pytest
from commands import cvaekit
from shipped import KIT, ROOT

from cvaekit import bank
from cvaekit.submission.assignment import assignment_of

NAMES = KIT.names()


def right(name):
    """The reference of an assignment as a submission's text."""
    return bank.solution(KIT.assignment(name))


@pytest.mark.parametrize("name", NAMES)
def test_every_accepted_file_name_is_taken_at_its_word(name, tmp_path):
    for file in KIT.assignment(name).files:
        path = tmp_path / file
        path.write_text("x = 1")
        assert assignment_of(path, KIT) == name


@pytest.mark.parametrize("name", NAMES)
def test_another_name_is_looked_into(name, tmp_path):
    (tmp_path / "ada.py").write_text(right(name))
    notebook = ROOT / "assignments" / name / KIT.assignment(name).notebook
    shutil.copy(notebook, tmp_path / "ada.ipynb")
    assert assignment_of(tmp_path / "ada.py", KIT) == name
    assert assignment_of(tmp_path / "ada.ipynb", KIT) == name
    assert assignment_of(tmp_path, KIT) == name


def test_part_of_the_work_is_enough(tmp_path):
    path = tmp_path / "begun.py"
    path.write_text("def tercile_cuts(widths):\n    return 2.0, 3.0\n")
    assert assignment_of(path, KIT) == "thickness_cvae"


def test_nothing_tells(tmp_path):
    path = tmp_path / "notes.py"
    path.write_text("x = 1")
    assert assignment_of(path, KIT) is None
    result = cvaekit("grade", path)
    assert result.returncode == 2
    assert f"nothing tells which assignment {path} belongs to" in result.stderr
    for name in NAMES:
        assert name in result.stderr


def test_one_assignment_at_a_time(tmp_path):
    for name in ("explore_cvae", "thickness_cvae"):
        (tmp_path / f"{name}.py").write_text(right(name))
    result = cvaekit("grade", *sorted(tmp_path.iterdir()))
    assert result.returncode == 2
    assert "Grade one assignment at a time" in result.stderr


@pytest.mark.parametrize("name", ["explore_cvae", "thickness_cvae"])
def test_the_command_line_grades_what_it_finds(name, tmp_path):
    path = tmp_path / "ada.py"
    path.write_text(right(name))
    result = cvaekit("grade", path)
    assert result.returncode == 0
    assert "100 / 100" in result.stdout.splitlines()[0]
