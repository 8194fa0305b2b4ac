"""`cvaekit check` sees each fault in the files of an assignment, and says where it is and what to do."""

import shutil
import subprocess
import sys

import pytest
from scaffold_files import CHECKS, HANDOUT, MANIFEST, MISTAKES, NAME, PLAN, PROBES, SOLUTION, VARIANTS, VISIBLE
from shipped import KIT

from cvaekit.author import soundness
from cvaekit.kit import Kit

FILES = {
    "unknown key": (MANIFEST, "hint = ", "hnit = ", "assignment.toml: [[task]] number 1: unknown key hnit"),
    "points": (MANIFEST, "points = 10", "points = 12", "its checks are worth 10 (values 10); change one"),
    "no task of that name": (
        MANIFEST,
        "points = 10",
        'points = 10\ndepends_on = ["other"]',
        "task unit_rows: depends_on names 'other', which is no other task; tasks are unit_rows",
    ),
    "check file missing": (CHECKS, "", None, "write them into graders/rows/test_unit_rows.py"),
    "a symbol that the solution lacks": (
        MANIFEST,
        'symbol = "unit_rows"',
        'symbol = "unit_row"',
        "assignment.toml, task unit_rows: symbol = 'unit_row' is no function in reference/rows/rows.py; mend one",
    ),
    "a gap that the starter lacks": (
        MANIFEST,
        'gaps = ["scaled"]',
        'gaps = ["lengths"]',
        "task unit_rows: gaps names 'lengths', which the starter does not leave open; write `#: lengths = ...`",
    ),
    "checks of no task": (
        CHECKS,
        "",
        "test_unit_columns.py",
        "graders/rows/test_unit_columns.py: no task has this id, so nothing runs these checks; delete the file",
    ),
    "probes missing": (PROBES, "", None, "graders/rows/probes.py is missing"),
    "no docstring": (
        CHECKS,
        '    """Every row has length one, and points where it pointed before."""\n',
        "",
        "test_unit_rows.py, line 15: test_values has no docstring; write the line that reports show",
    ),
    "no core check": (CHECKS, "@pytest.mark.core\n", "", "no check is core, so a wrong answer may keep points; mark"),
    "a bare assert": (
        CHECKS,
        "        if found.shape != x.shape:",
        "        assert found is not None\n        if found.shape != x.shape:",
        "test_unit_rows.py, line 21: an assert tells students nothing; raise Failure(called, got, wanted)",
    ),
    "no mistake": (MISTAKES, "", None, "mistakes.toml: task unit_rows has no mistake; add one"),
    "no variant": (VARIANTS, "", None, "variants.toml: task unit_rows has no variant; add one"),
    "an entry that does not fit": (
        MISTAKES,
        'task = "unit_rows"',
        'task = "rows"',
        "mistakes.toml, length_of_columns: unknown task rows; known are unit_rows",
    ),
    "a mistake that is no Python": (
        MISTAKES,
        "norm(dim=0, keepdim=True)",
        "norm(dim=0, keepdim=True",
        "graders/rows/mistakes.toml, length_of_columns: its submission is no Python at `scaled = x / x.norm(dim=0",
    ),
    "a variant that is no Python": (
        VARIANTS,
        "scaled = torch",
        "scaled == = torch",
        "graders/rows/variants.toml, functional_normalize: its submission is no Python at `scaled == = torch",
    ),
    "code in a hint": (
        MISTAKES,
        "Along which axis",
        "Along which dim=1",
        "the hint holds 'dim', a number or a piece of code",
    ),
    "the answer in a hint": (
        MISTAKES,
        "Along which axis do you move?",
        "x / torch.linalg.vector_norm?",
        "length_of_columns: the hint holds '/'",
    ),
    "the answer in the hint of a task": (
        MANIFEST,
        "By what is each of them divided?",
        "Divide by torch.linalg.vector_norm(x, dim=1, keepdim=True).",
        "task unit_rows: the hint holds 'torch.linalg.vector_norm(x,dim=1,keepdim=True)' of the solution",
    ),
    "a hint of three sentences": (
        MISTAKES,
        "Along which axis do you move?",
        "Look. Along which axis do you move?",
        "characters in 3 sentences; write one or two whole sentences of 20 to 160 characters",
    ),
    "a belittling hint": (
        MANIFEST,
        "Every row has",
        "Obviously every row has",
        "task unit_rows: the hint says 'Obviously'",
    ),
    "a belittling handout": (
        HANDOUT,
        "The shape",
        "Just mind that the shape",
        "README.md, line 18: says 'Just'; leave the word out",
    ),
    "no section": (HANDOUT, "### Task 1: unit_rows", "### Rows", "no section #task-1-unit_rows"),
    "other points in the handout": (HANDOUT, "| 10 |", "| 12 |", "says 12 points for unit_rows, and the manifest 10"),
    "no points in the handout": (HANDOUT, "| `unit_rows` |", "| rows |", "no points for unit_rows; add a row"),
    "no test cell": (
        PLAN,
        'test = "unit_rows"',
        'given = "x"',
        "no cell tests unit_rows, so nbgrader has no mark; add a [[cell]]",
    ),
    "a source that is not there": (PLAN, 'source = "unit_rows"', 'source = "rows"', "the reference defines no rows"),
    "a solution line in the visible test": (
        VISIBLE,
        "    lengths =",
        "    scaled = x / torch.linalg.vector_norm(x, dim=1, keepdim=True)\n    lengths =",
        f"test_{NAME}.py, line 27: gives 'x/torch.linalg.vector_norm(x,dim=1,keepdim=True)' of the solution away",
    ),
    "a solution line in the notebook": (
        PLAN,
        "lengths = [",
        "right = x / torch.linalg.vector_norm(x, dim=1, keepdim=True)\nlengths = [",
        "notebook.toml, [[cell]] number 6, line 5: gives 'x/torch.linalg.vector_norm(x,dim=1,keepdim=True)'",
    ),
    "no visible test": (
        VISIBLE,
        "def test_unit_rows",
        "def test_rows",
        "assignments/rows: no visible test of unit_rows; write test_unit_rows into test_rows.py",
    ),
    "a stale starter": (
        SOLUTION,
        "#: scaled = ...",
        "#: scaled = ...  # here",
        "_starter.py is out of date; run cvaekit build",
    ),
    "a marker out of place": (
        SOLUTION,
        "    ### END SOLUTION\n    return",
        "    return",
        "the solution begun here never ends",
    ),
}


@pytest.mark.parametrize("fault", FILES)
def test_what_the_files_tell(broken, fault):
    file, old, new, complaint = FILES[fault]
    found = soundness.check_files(broken(file, old, new), NAME)
    assert any(complaint in line for line in found), found


@pytest.mark.parametrize("file", [MANIFEST, PROBES, CHECKS, MISTAKES, PLAN, SOLUTION, HANDOUT, VISIBLE])
def test_a_file_that_is_not_utf_8_is_told_once(scaffold, tmp_path, file):
    root = shutil.copytree(scaffold, tmp_path / "kit")
    (root / file).write_bytes((root / file).read_bytes() + b"# \xff\n")
    [complaint] = soundness.check_files(Kit(root), NAME)
    assert complaint.startswith(file)
    assert "UTF-8" in complaint


def test_a_sound_assignment_gives_no_complaint(scaffold):
    assert soundness.check_files(Kit(scaffold), NAME) == []


@pytest.mark.parametrize("name", KIT.names())
def test_the_shipped_assignments_are_sound_as_far_as_their_files_tell(name):
    assert soundness.check_files(KIT, name) == []


def test_a_broken_manifest_is_told_without_torch(broken):
    kit = broken(MANIFEST, "points = 10", "points = 12")
    program = (
        "import sys; from pathlib import Path; from cvaekit.author import soundness; from cvaekit.kit import Kit; "
        f"assert soundness.check_files(Kit(Path({str(kit.root)!r})), {NAME!r}); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
