"""`cvaekit check` sees what grading tells about an assignment, and its exit code says so."""

import pytest
from commands import cvaekit
from scaffold_files import CHECKS, MISTAKES, NAME, PROBES, SOLUTION, VARIANTS
from typer.testing import CliRunner

from cvaekit.author import soundness
from cvaekit.command.main import app
from cvaekit.sandbox import SandboxError

GRADING = {
    "a probe that breaks": (PROBES, "call(lambda", "cal(lambda", "NameError: name 'cal' is not defined"),
    "a form of no probe": (
        PROBES,
        '{"unit_rows"',
        '{"unit_row"',
        "FORMS names 'unit_row', and there is no such function",
    ),
    "a probe of another name": (
        CHECKS,
        'submission.ask("unit_rows"',
        'submission.ask("rows"',
        "graders/rows/probes.py has no probe 'rows'; add it to FORMS",
    ),
    "a probe without a form": (
        PROBES,
        "def unit_rows",
        "def columns(module):\n    return None\n\n\ndef unit_rows",
        "graders/rows/probes.py: the probe columns has no form; add it to FORMS",
    ),
    "a check that cannot be imported": (
        CHECKS,
        "import pytest\n",
        "import pytest\nimport pitest\n",
        "graders/rows/test_unit_rows.py, line 4: cannot be imported: ModuleNotFoundError: No module named 'pitest'",
    ),
    "a check that the reference fails": (
        CHECKS,
        "if not close(found, unit_rows(x))",
        "if close(found, unit_rows(x))",
        "It loses points in unit_rows",
    ),
    "a starter that scores": (
        SOLUTION,
        "#: scaled = ...",
        "#: scaled = x / x.norm(dim=1, keepdim=True)",
        "the untouched starter gets 10.0 points",
    ),
    "a mistake that survives": (
        MISTAKES,
        "dim=0",
        "dim=1",
        "graders/rows/mistakes.toml, length_of_columns: survives: it is wrong, and every check of its task passes",
    ),
    "a variant that loses": (
        VARIANTS,
        "dim=1",
        "dim=0",
        "graders/rows/variants.toml, functional_normalize: is right, and loses points in unit_rows; mend the checks",
    ),
}


@pytest.mark.parametrize("fault", GRADING)
def test_what_grading_tells(broken, fault):
    file, old, new, complaint = GRADING[fault]
    assignment = broken(file, old, new, built=True).assignment(NAME)
    found = list(soundness.check_grading(assignment))
    assert any(complaint in line for line in found), found


def test_the_command_lists_complaints_and_ends_with_one(broken):
    kit = broken(MISTAKES, "Along which axis do you move?", "Simply look")
    done = cvaekit("check", "--kit", kit.root)
    assert done.returncode == 1
    assert (
        "✗ graders/rows/mistakes.toml, length_of_columns: the hint says 'Simply'; leave the word out\n" in done.stdout
    )
    assert "2 complaints" in done.stderr
    assert cvaekit("check", "nothing", "--kit", kit.root).returncode == 2


def test_a_machine_that_cannot_run_submissions_is_no_complaint(scaffold, monkeypatch):
    def refuse(assignment):
        raise SandboxError("no isolation here")

    monkeypatch.setattr(soundness, "Session", refuse)
    done = CliRunner().invoke(app, ["check", "--kit", str(scaffold)])
    assert done.exit_code == 3
    assert "rows cannot be graded here: no isolation here" in done.output
    done = CliRunner().invoke(app, ["check", "--kit", str(scaffold), "--files-only"])
    assert (done.exit_code, done.output) == (0, "✓ rows is sound, as far as its files tell.\n")
