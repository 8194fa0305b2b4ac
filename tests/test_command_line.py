"""The command as people and CI use it: a process with arguments, two streams and an exit code."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from commands import COMMAND, cvaekit, interruptible
from shipped import ROOT

SUBMISSIONS = Path(__file__).with_name("submissions")
REFERENCE = ROOT / "reference" / "conditional_vae" / "cvae.py"


def watch(process):
    """All processes that `process` starts until it ends, found by asking again and again."""
    seen = set()
    while process.poll() is None:
        with contextlib.suppress(psutil.NoSuchProcess):
            seen.update(psutil.Process(process.pid).children(recursive=True))
        time.sleep(0.05)
    return seen


def gone(processes):
    """Whether all of `processes` have ended, given a moment."""
    _, alive = psutil.wait_procs(processes, timeout=5)
    return not alive


@pytest.fixture(scope="module")
def batch(tmp_path_factory):
    """One call with a right submission, one that never returns, one that kills itself, and the starter."""
    folder = tmp_path_factory.mktemp("batch")
    text = REFERENCE.read_text().replace("std = torch.exp", "import os; os.kill(os.getpid(), 9); std = torch.exp")
    (folder / "kills_itself.py").write_text(text)
    paths = [SUBMISSIONS / "never_returns.py", folder / "kills_itself.py", SUBMISSIONS / "right.py"]
    starter = ROOT / "assignments" / "conditional_vae" / "cvae_starter.py"
    arguments = ["grade", *paths, starter, "--json", folder / "reports.jsonl", "--jobs", "2"]
    with (folder / "out").open("w") as out, (folder / "err").open("w") as err:
        process = subprocess.Popen([*COMMAND, *map(str, arguments)], stdout=out, stderr=err)
        started = watch(process)
    reports = [json.loads(line) for line in (folder / "reports.jsonl").read_text().splitlines()]
    result = subprocess.CompletedProcess(
        arguments, process.returncode, (folder / "out").read_text(), (folder / "err").read_text()
    )
    return result, reports, started


def test_neighbours_do_not_disturb_each_other(batch):
    result, reports, started = batch
    assert result.returncode == 0
    assert [report["submission"]["name"] for report in reports] == [
        "never_returns.py",
        "kills_itself.py",
        "right.py",
        "cvae_starter.py",
    ]
    assert [report["score"] for report in reports] == [65.0, 65.0, 100.0, 0.0]
    assert [report["outcome"] for report in reports] == ["graded"] * 4
    assert started
    assert gone(started)


def test_the_report_has_the_schema(batch):
    report = batch[1][2]
    assert list(report) == [
        "schema",
        "assignment",
        "outcome",
        "submission",
        "score",
        "max_score",
        "tasks",
        "isolation",
        "device",
        "seconds",
        "versions",
    ]
    assert report["schema"] == "cvaekit.report/2"
    assert set(report["submission"]) == {"name", "sha256"}
    assert set(report["isolation"]) == {"level", "summary"}
    assert set(report["versions"]) == {"cvaekit", "kit", "torch", "python"}
    for task in report["tasks"]:
        assert list(task) == [
            "id",
            "title",
            "score",
            "max_score",
            "status",
            "feedback",
            "mistake",
            "blocked_by",
            "notes",
            "checks",
            "metrics",
        ]
        for check in task["checks"]:
            assert list(check) == ["id", "outcome", "message", "seconds"]
        for metric in task["metrics"]:
            assert list(metric) == ["name", "value", "limit", "unit", "better"]


def test_the_terminal_shows_every_report_and_a_summary(batch):
    text = batch[0].stdout
    assert max(map(len, text.splitlines())) <= 80
    assert "\x1b" not in text
    assert text.count("Isolation: level 3") == 4
    assert text.rstrip().splitlines()[-1].split()[:4] == ["0", "/", "100", "cvae_starter.py"]
    assert batch[0].stderr == ""


def test_reports_can_be_the_only_output(tmp_path):
    result = cvaekit("grade", SUBMISSIONS / "stacked_rows.py", "--json", "-", "--pass-mark", 90)
    assert result.returncode == 1
    assert json.loads(result.stdout)["score"] == 75.0
    assert result.stderr == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["grade", "no_such_file.py"], "no_such_file.py: No such file or directory"),
        (["grade", "data.csv"], "data.csv: not a Python file"),
        (["grade"], "Missing argument 'PATH...'"),
        (["grade", "data.csv", "--assignment", "nothing"], "no assignment 'nothing'; there are: conditional_vae"),
        (["grade", "cvae.py", "--device", "cuda"], "torch finds no GPU here"),
        (["grade", "cvae.py", "--device", "tpu"], "choose auto, cpu or cuda"),
        (["grade", "cvae.py", "--data", "nowhere"], "'nowhere' does not exist"),
        (["grade", "cvae.py", "--json", "missing/folder/x"], "missing/folder/x: No such file or directory"),
        (["grades"], "No such command 'grades'"),
    ],
)
def test_wrong_usage_ends_with_two_and_a_reason(arguments, message, tmp_path):
    (tmp_path / "data.csv").write_text("1,2")
    (tmp_path / "cvae.py").write_text("")
    if "cuda" in arguments:
        torch = pytest.importorskip("torch")
        if torch.cuda.is_available():
            pytest.skip("there is a GPU here")
    result = cvaekit(*arguments, cwd=tmp_path)
    assert result.returncode == 2
    assert message in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.stderr


def test_an_interrupt_keeps_what_is_done_and_leaves_nothing_running(tmp_path):
    paths = [str(SUBMISSIONS / "stacked_rows.py"), str(SUBMISSIONS / "never_returns.py")]
    with interruptible():
        process = subprocess.Popen(
            [*COMMAND, "grade", *paths, "--jobs", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("stacked_rows.py")
    started = psutil.Process(process.pid).children(recursive=True)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert "interrupted" in errors
    assert "Traceback" not in errors
    assert started
    assert gone(started)


def test_doctor_tells_what_the_machine_offers():
    result = cvaekit("doctor")
    assert result.returncode == 0
    for row in ("isolation", "machine", "gpu", "versions", "kit"):
        assert f"\n{row}" in "\n" + result.stdout


def test_checks_run_by_hand():
    """The hidden checks are ordinary pytest files."""
    checks = ROOT / "graders" / "conditional_vae"

    def pytest_by_hand(*arguments):
        command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, timeout=180, cwd=ROOT)

    done = pytest_by_hand(
        checks / "test_encode.py", checks / "test_kl_loss.py", "--submission", SUBMISSIONS / "stacked_rows.py"
    )
    assert done.returncode == 1
    assert "Hint: Tensors that are joined may differ along one axis only" in done.stdout
    assert "test_kl_loss.py" not in done.stdout.partition("short test summary")[2]
    assert "conditioning.py" not in done.stdout
    without = pytest_by_hand(checks)
    assert without.returncode == 4
    assert "--submission PATH" in without.stderr
