"""The false-alarm table is up to date, and what it promises is so."""

import dataclasses
import math
from collections import Counter

import pytest
import torch
from scipy import stats

from cvaekit.grading import check_run
from cvaekit.grading.pytest_plugin import Check
from cvaekit.grading.questions import SubmissionHandle
from cvaekit.grading.replay import recorded_calls
from cvaekit.statistics import false_alarms as tables
from cvaekit.statistics import normality_tests as noise
from cvaekit.statistics import simulation
from graders.conditional_vae import exact_checks, false_alarms

ASSIGNMENT = false_alarms.ASSIGNMENT
SHAPE = false_alarms.checks.SAMPLE
CALLS, BATCH, UNITS = SHAPE
TABLE = tables.load(ASSIGNMENT)


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def row(name):
    return next(row for row in TABLE.rows if row.test == name)


# ---------------------------------------------------------------- the table


def test_is_up_to_date():
    assert false_alarms.stale() == []


def test_no_right_submission_was_accused():
    assert [row for row in TABLE.rows if row.alarms] == []
    assert len(TABLE.sources) == 6
    assert all(row.runs >= 2000 * len(TABLE.sources) for row in TABLE.rows if row.test != "learns")


def test_every_submission_is_right_but_for_less_than_one_in_a_billion():
    """The bounds of all statistical tests together; each is proven, so that they add up."""
    proven = [row.alpha for row in TABLE.rows if row.test != "learns"]
    assert sum(proven) < 1e-9
    assert row("learns").alpha < 1e-9


def test_every_check_has_a_row_or_needs_none(assignment):
    """The checks that pytest would run, and no others."""

    run = {Check.of(item).id for item in check_run.collected(assignment)}
    assert {f"{task}.{name}" for task, name, _ in false_alarms.all_checks()} == run
    needed = {check for check in run if check.split(".")[0] not in false_alarms.WITHOUT_CHANCE}
    assert {row.check for row in TABLE.rows} == needed
    tests = [(row.check, row.test) for row in TABLE.rows]
    assert len(tests) == len(set(tests))
    assert {test.__name__ for test in noise.TESTS} <= {test for _, test in tests}


@pytest.mark.parametrize("task", ["reparameterize", "training"])
def test_a_check_without_a_row_is_an_error(task):
    with pytest.raises(LookupError, match="has no row"):
        false_alarms.rows(Counter(), 0, TABLE.trained, [(task, "something_new", lambda submission: None)])


def test_tasks_without_chance_draw_nothing(monkeypatch):
    """The checks of these tasks leave torch's generator as they found it."""
    reference, home = false_alarms.submissions()["reference"], simulation.KeptWorkers(ASSIGNMENT)
    monkeypatch.setattr("cvaekit.sandbox.in_process.reseed", lambda seed: None)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for task, _, check in false_alarms.all_checks():
        if task in false_alarms.WITHOUT_CHANCE:
            for function, example in recorded_calls(check):
                grading = simulation.grading(ASSIGNMENT, reference, home)
                function(submission=SubmissionHandle(grading, ASSIGNMENT.task(task)), **example)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["gradient_of_mu", "gradient_of_logvar"])
def test_the_examples_are_those_of_a_grading(name):
    check = getattr(false_alarms.checks, f"test_{name}")
    workers = simulation.KeptWorkers(ASSIGNMENT)
    recorder = simulation.AlteredWorkers(workers, "reparameterize", exact_checks.unaltered)
    grading = simulation.grading(ASSIGNMENT, false_alarms.submissions()["reference"], recorder)
    check(submission=SubmissionHandle(grading, ASSIGNMENT.task("reparameterize")))
    asked = [(*asked["mu"].shape, asked["seed"]) for asked in recorder.asked]
    assert asked == [tuple(example.values()) for _, example in recorded_calls(check)]


# ---------------------------------------------------------------- --check


def compared(stored=TABLE, **changes):
    rows = [dataclasses.replace(row, **changes) if row.test == "mean" else row for row in TABLE.rows]
    return tables.differences(stored, TABLE.depends_on, rows)


def test_an_altered_row_is_seen():
    assert compared() == []
    assert compared(size=row("mean").size * (1 + 1e-6)) == []  # as another version of torch may have it
    assert "another bound" in compared(size=row("mean").size * 1.01)[0]
    assert "another bound" in compared(alpha=2 * noise.ALPHA)[0]
    assert "other words" in compared(bound="by eye")[0]
    assert len(compared(test="median")) == 2  # one row too many, one too few


@pytest.fixture
def no_simulation(monkeypatch):
    monkeypatch.setattr(false_alarms, "FEW_SEEDS", 0)


@pytest.mark.usefixtures("no_simulation")
def test_an_altered_file_is_seen(monkeypatch, capsys):
    monkeypatch.setattr(false_alarms, "depends_on", lambda: TABLE.depends_on | {"graders/cvae/probes.py": "0"})
    assert false_alarms.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "graders/cvae/probes.py has changed" in told
    assert f"run {false_alarms.COMMAND}" in told


@pytest.mark.usefixtures("no_simulation")
def test_an_altered_bound_is_seen(monkeypatch):
    monkeypatch.setattr(noise, "ALPHA", 1e-3)
    found = false_alarms.stale()
    assert "reparameterize.noise_is_standard_normal mean: another bound, or another smallest fault" in found


@pytest.mark.usefixtures("no_simulation")
def test_another_limit_on_training_is_seen(monkeypatch):
    settings = ASSIGNMENT.settings["training"]
    monkeypatch.setitem(settings, "limit", settings["limit"] - 8)
    fresh = false_alarms.training_row("training.learns", TABLE.trained, 0)
    assert fresh.alpha > 1e-6
    assert "[training] of the manifest has changed" in false_alarms.stale()


def test_a_false_alarm_is_seen(monkeypatch):
    monkeypatch.setattr(false_alarms, "FEW_SEEDS", 1)
    monkeypatch.setattr(noise, "DISTINCT", 0.9999)
    assert any("repeats accuses" in line for line in false_alarms.stale())


def test_a_table_that_cannot_be_read_is_no_table(monkeypatch, tmp_path):
    (tmp_path / "false_alarms.json").write_text("{")
    monkeypatch.setattr(tables, "path", lambda assignment: tmp_path / "false_alarms.json")
    assert "cannot be read" in false_alarms.stale()[0]


def test_cells_match_the_headings():
    assert all(len(cells) == len(tables.HEADINGS) for cells in TABLE.cells())


def test_digest_ignores_line_ends():
    assert tables.digest(b"a\r\nb\r\n") == tables.digest(b"a\nb\n") != tables.digest(b"a\nc\n")


# ---------------------------------------------------------------- bounds


def test_the_limit_on_repeats_is_never_reached():
    """Each draw repeats an earlier one with a chance of N max(p) at most, whatever came before."""
    draws = math.prod(SHAPE)
    assert stats.binom.sf(math.ceil((1 - noise.DISTINCT) * draws) - 1, draws, draws * 1e-6) < noise.ALPHA


def test_every_test_says_what_bounds_it():
    assert all(row.bound for row in TABLE.rows)
