"""A session grades its own reference first. Without full marks for it there are no marks: the fault is the kit's."""

import json

import pytest
import small_kit
from commands import cvaekit

from cvaekit.grading import pool, questions
from cvaekit.grading.data import DataError, SetupError
from cvaekit.grading.session import Session
from cvaekit.kit import KitError
from cvaekit.sandbox import SandboxError
from cvaekit.submission.intake import Submission

PROBES, CHECK = "graders/doubling/probes.py", "graders/doubling/test_double.py"
MANIFEST = "graders/doubling/assignment.toml"
RIGHT = "def double(x):\n    return x + x\n"

# Fault of the kit -> what is edited, and what the reason and the traceback on stderr say
FAULTS = {
    "a misspelled name in a probe": (
        (PROBES, "call(module.double, x)", "cal(module.double, x)"),
        "double.value: ProbeError: the probe raised NameError: name 'cal' is not defined",
        ["graders/doubling/probes.py", "line 10, in doubled"],
    ),
    "a misspelled attribute in a probe": (
        (PROBES, "return y", "return y.detatch()"),
        "the probe raised AttributeError: 'Tensor' object has no attribute 'detatch'",
        ["graders/doubling/probes.py", "in doubled"],
    ),
    "a wrong form": (
        (PROBES, '"doubled": torch.Tensor', '"doubled": {str: float}'),
        "It loses points in double: Called: double(x) Got: sent a reply that cannot be used",
        [],
    ),
    "a check that breaks": (
        (CHECK, "x = torch.linspace", "x = torch.linspcae"),
        "double.value: AttributeError: module 'torch' has no attribute 'linspcae'",
        ["graders/doubling/test_double.py", "in test_value"],
    ),
    "a check that asks an unknown probe": (
        (CHECK, 'ask("doubled"', 'ask("trebled"'),
        "LookupError: graders/doubling/probes.py has no probe 'trebled'; add it to FORMS",
        ["in test_value"],
    ),
    "a check that is wrong": (
        (CHECK, "close(y, 2 * x)", "close(y, 3 * x)"),
        "It loses points in double: Called: double(x) Got: other numbers",
        [],
    ),
    "a wrong reference": (
        ("reference/doubling/doubling.py", "y = 2 * x", "y = 2 + x"),
        "It loses points in double: Called: double(x) Got: other numbers",
        [],
    ),
}


def submission(text):
    return Submission("ada", "doubling.py", text.encode())


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_of_the_kits_is_no_mark(fault, tmp_path, capfd):
    edit, reason, traced = FAULTS[fault]
    with Session(small_kit.write(tmp_path, [edit]).assignment("doubling")) as session:
        shown = capfd.readouterr().err
        report = session.grade(submission(RIGHT))
        [(_, pooled)] = session.grade_many([submission(RIGHT)])
    for found in (report, pooled):
        assert (found.outcome, found.score) == ("ungradable", None)
        assert found.tasks[0].status == "blocked"
        assert "The reference of doubling does not get full marks, so nothing is graded." in found.tasks[0].feedback
        assert reason in found.tasks[0].feedback
    for part in traced:
        assert part in shown


def test_the_command_line_ends_with_three_and_the_traceback(tmp_path):
    kit = small_kit.write(tmp_path / "kit", [FAULTS["a misspelled name in a probe"][0]])
    path = tmp_path / "ada.py"
    path.write_text(RIGHT)
    result = cvaekit("grade", path, path, "--kit", kit.root, "--json", tmp_path / "marks.jsonl")
    assert result.returncode == 3
    assert "NameError: name 'cal' is not defined" in result.stderr
    assert "cvaekit: the reference: double.value" in result.stderr
    reports = [json.loads(line) for line in (tmp_path / "marks.jsonl").read_text().splitlines()]
    assert [(report["outcome"], report["score"]) for report in reports] == [("ungradable", None)] * 2
    assert "ungradable" in result.stdout


# A probe's fault that only some submissions reach
LATE = (PROBES, "    if not isinstance", "    if y.sum() > 1000:\n        y = undefined\n    if not isinstance")


def test_a_probe_that_breaks_on_one_submission_costs_it_nothing(tmp_path, capfd):
    with Session(small_kit.write(tmp_path, [LATE]).assignment("doubling")) as session:
        assert session.fault == ""
        capfd.readouterr()
        report = session.grade(submission("def double(x):\n    return x + 1000\n"))
        shown = capfd.readouterr().err
        assert session.grade(submission(RIGHT)).score == 10
    assert (report.outcome, report.score) == ("ungradable", None)
    assert "NameError: name 'undefined' is not defined" in report.tasks[0].feedback
    assert "cvaekit: ada: double.value" in shown
    assert "probes.py" in shown


WRONG = {
    "raises": ("def double(x):\n    raise ValueError('no')\n", "raised ValueError: no"),
    "takes nothing": ("def double():\n    return 1\n", "raised TypeError"),
    "returns nothing": ("def double(x):\n    x + 1\n", "returned None"),
    "exits": ("import sys\ndef double(x):\n    sys.exit()\n", "raised SystemExit"),
    "recurses": ("def double(x):\n    return double(x)\n", "raised RecursionError"),
    "other numbers": ("def double(x):\n    return x\n", "other numbers"),
}


def test_what_a_submission_does_is_its_own(tmp_path, capfd):
    with Session(small_kit.write(tmp_path).assignment("doubling")) as session:
        for text, got in WRONG.values():
            report = session.grade(submission(text))
            assert (report.outcome, report.score) == ("graded", 0.0)
            assert got in report.tasks[0].feedback
    assert capfd.readouterr().err == ""


TWICE = (
    CHECK,
    "@pytest.mark.points(10)",
    '@pytest.mark.points(4)\ndef test_shape(submission):\n    """It has a shape."""\n'
    '    submission.ask("doubled", "double(x)", x=torch.zeros(3))\n\n\n@pytest.mark.points(6)',
)


def test_a_submission_has_seconds_for_all_of_its_calls_together(tmp_path, monkeypatch):
    kit = small_kit.write(tmp_path, [TWICE])
    with Session(kit.assignment("doubling")) as session:
        monkeypatch.setattr(questions, "SUBMISSION_SECONDS", 0.5)
        [task] = session.grade(submission("def double(x):\n    while True: pass\n")).tasks
        assert "Got: computed for 0.5 seconds and did not return" in task.feedback
        slow = "import time\ndef double(x):\n    time.sleep(0.4)\n    return 2 * x\n"
        [task] = session.grade(submission(slow)).tasks
    assert "Got: waited for 0." in task.feedback


def test_a_grading_process_that_falls_silent_is_no_mark(tmp_path, monkeypatch):
    monkeypatch.setattr(pool, "SILENT_SECONDS", 4.0)
    monkeypatch.setattr(pool, "WAIT_SECONDS", 0.1)
    slow = "import time\ndef double(x):\n    time.sleep(9)\n"
    with Session(small_kit.write(tmp_path).assignment("doubling")) as session:
        reports = dict(session.grade_many([submission(slow), submission(RIGHT)], jobs=1))
    assert [reports[index].score for index in (0, 1)] == [None, 10]
    assert "The grading process said nothing for 4 seconds." in reports[0].tasks[0].feedback


def test_metrics_and_the_kits_digest_are_in_the_report(tmp_path):
    assignment = small_kit.write(tmp_path).assignment("doubling")
    with Session(assignment) as session:
        report = json.loads(session.grade(submission(RIGHT)).to_json())
    [metric] = report["tasks"][0]["metrics"]
    assert metric == {"name": "largest", "value": 6.0, "limit": None, "unit": "", "better": "lower"}
    assert report["versions"]["kit"] == assignment.digest
    assert report["device"] == "cpu"


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"device": "cuda"}, SetupError, "--device cuda: doubling is graded on the CPU only. Leave --device out."),
        ({"device": "tpu"}, SetupError, "--device tpu: choose auto, cpu or cuda"),
        ({"data": "."}, DataError, "doubling takes no --data: it uses what comes with its kit. Leave --data out."),
        ({"min_isolation": 4}, SandboxError, "Grading wants level 4"),
    ],
)
def test_what_cannot_be_had_is_refused_with_a_way_out(tmp_path, options, error, message):
    with pytest.raises(error, match=message), Session(small_kit.write(tmp_path).assignment("doubling"), **options):
        pass


PROBE_FAULTS = {
    "no forms": ((PROBES, "FORMS =", "FORM ="), "probes.py: FORMS is missing; write FORMS ="),
    "a form of no probe": (
        (PROBES, '{"doubled"', '{"double"'),
        "probes.py: FORMS names 'double', and there is no such function; did you mean 'doubled'",
    ),
    "a probe without a form": (
        (PROBES, "def doubled", "def trebled(module, x):\n    return x\n\n\ndef doubled"),
        "probes.py: the probe trebled has no form; add it to FORMS, or start its name with _",
    ),
    "a check that is run twice": (
        (
            CHECK,
            "@pytest.mark.points(10)\ndef test_value(submission)",
            "@pytest.mark.parametrize('n', [1, 2])\n@pytest.mark.points(10)\ndef test_value(submission, n)",
        ),
        "test_double.py: its text holds the checks value 10, and pytest finds value[1] 10, value[2] 10; write each",
    ),
    "points for the whole file": (
        (
            CHECK,
            "@pytest.mark.points(10)",
            "pytestmark = pytest.mark.points(5)\n\n\n@pytest.mark.points(10)\n"
            "def test_shape(submission):\n    pass\n\n\n",
        ),
        "its text holds the checks shape 10, value 0, and pytest finds shape 10, value 5",
    ),
    "points marked twice": (
        (CHECK, "@pytest.mark.points(10)", "@pytest.mark.points(4)\n@pytest.mark.points(6)"),
        "its text holds the checks value 10, and pytest finds value 6",
    ),
    "a whole file that is core": (
        (CHECK, "@pytest.mark.points(10)", "pytestmark = pytest.mark.core\n\n\n@pytest.mark.points(10)"),
        "write each as one function with its own marks (points, core), without",
    ),
    "checks that cannot be imported": ((CHECK, "import torch", "import troch"), "No module named 'troch'"),
}


@pytest.mark.parametrize("fault", PROBE_FAULTS)
def test_probes_and_checks_that_cannot_be_used_are_named(tmp_path, fault):
    edit, message = PROBE_FAULTS[fault]
    assignment = small_kit.write(tmp_path, [edit]).assignment("doubling")
    with pytest.raises((KitError, SandboxError)) as told, Session(assignment):
        pass
    assert message in str(told.value)
