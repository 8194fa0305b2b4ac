"""The false-alarm table is up to date, and what it promises is so."""

import dataclasses
import math

import pytest
import torch
from scipy import optimize, stats

from graders.checks import false_alarms as tables
from graders.checks import noise, power, run
from graders.checks.asking import Asker
from graders.checks.plugin import ChecksPlugin
from graders.conditional_vae import false_alarms

SHAPE = false_alarms.checks.SAMPLE
CALLS, BATCH, UNITS = SHAPE
TABLE = tables.load("conditional_vae")


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

    class Recorder(ChecksPlugin):
        def __init__(self):
            pass

        def pytest_configure(self, config):
            config.addinivalue_line("markers", "points(number): what a check is worth")

        def pytest_collection_modifyitems(self, items):
            self.ids = {f"{item.path.stem.removeprefix('test_')}.{item.name.removeprefix('test_')}" for item in items}

        pytest_collection_finish = pytest_runtest_setup = None

    recorder = Recorder()
    run.run_checks(assignment, recorder, "--collect-only")
    assert {f"{task}.{name}" for task, name, _ in false_alarms.all_checks()} == recorder.ids
    needed = {check for check in recorder.ids if check.split(".")[0] not in false_alarms.WITHOUT_CHANCE}
    assert {row.check for row in TABLE.rows} == needed
    tests = [(row.check, row.test) for row in TABLE.rows]
    assert len(tests) == len(set(tests))
    assert {test.__name__ for test in noise.TESTS} <= {test for _, test in tests}


@pytest.mark.parametrize("task", ["reparameterize", "training"])
def test_a_check_without_a_row_is_an_error(task):
    with pytest.raises(LookupError, match="has no row"):
        false_alarms.rows({}, 0, TABLE.trained, [(task, "something_new", lambda submission: None)])


def test_tasks_without_chance_draw_nothing(monkeypatch):
    """The checks of these tasks leave torch's generator as they found it."""
    reference, home = false_alarms.submissions()["reference"], false_alarms.Kept()
    monkeypatch.setattr("graders.checks.inprocess.reseed", lambda seed: None)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    for task, _, check in false_alarms.all_checks():
        if task in false_alarms.WITHOUT_CHANCE:
            for function, example in false_alarms.calls(check):
                grading = false_alarms.grading(reference, home)
                function(submission=Asker(grading, grading.manifest.task(task)), **example)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("name", ["gradient_of_mu", "gradient_of_logvar"])
def test_the_examples_are_those_of_a_grading(name):
    check = getattr(false_alarms.checks, f"test_{name}")
    recorder = false_alarms.Altered(false_alarms.unaltered)
    grading = false_alarms.grading(false_alarms.submissions()["reference"], recorder)
    check(submission=Asker(grading, grading.manifest.task("reparameterize")))
    asked = [(*asked["mu"].shape, asked["seed"]) for asked in recorder.asked]
    assert asked == [tuple(example.values()) for _, example in false_alarms.calls(check)]


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
    monkeypatch.setattr(false_alarms, "depends_on", lambda: TABLE.depends_on | {"graders/checks/noise.py": "0"})
    assert false_alarms.main(["--check"]) == 1
    told = capsys.readouterr().err
    assert "graders/checks/noise.py has changed" in told
    assert f"run {false_alarms.COMMAND}" in told


@pytest.mark.usefixtures("no_simulation")
def test_an_altered_bound_is_seen(monkeypatch):
    monkeypatch.setattr(noise, "ALPHA", 1e-3)
    found = false_alarms.stale()
    assert "reparameterize.noise_is_standard_normal mean: another bound, or another smallest fault" in found


@pytest.mark.usefixtures("no_simulation")
def test_another_limit_on_training_is_seen(monkeypatch):
    settings = false_alarms.ASSIGNMENT.settings["training"]
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


# ---------------------------------------------------------------- power: each fault in just the size that is promised


def shared(axis):
    def draw(share):
        size = [1 if number == axis else count for number, count in enumerate(SHAPE)]
        return math.sqrt(share) * torch.randn(size) + math.sqrt(1 - share) * torch.randn(SHAPE)

    return draw


def correlated(first, second):
    def draw(r):
        drawn = torch.randn(SHAPE)
        drawn[second] = r * drawn[first] + math.sqrt(1 - r * r) * drawn[second]
        return drawn

    return draw


def at_distance(distance):
    """Shifted, so that the distribution functions are `distance` apart: 2 Phi(shift / 2) - 1."""
    return torch.randn(SHAPE) + 2 * stats.norm.ppf((1 + distance) / 2)


def longer_rows(distance):
    """Stretched, so that the laws of the squared lengths are `distance` apart."""

    def gap(factor):  # the densities are equal, and the distribution functions farthest apart, at this length
        length = UNITS * math.log(factor) / (1 - 1 / factor)
        return stats.chi2.cdf(length, UNITS) - stats.chi2.cdf(length / factor, UNITS)

    factor = optimize.brentq(lambda factor: gap(factor) - distance, 1.001, 3)
    return torch.randn(SHAPE) * math.sqrt(factor)


def copies(share):
    drawn = torch.randn(SHAPE).flatten()
    copied = torch.rand(drawn.shape) < share
    drawn[copied] = drawn[~copied][0]
    return drawn.view(SHAPE)


EVERY = slice(None)
FAULTS = {
    "mean": lambda size: torch.randn(SHAPE) + size,
    "variance": lambda size: torch.randn(SHAPE) * (1 - size),
    "shape": at_distance,
    "tails": lambda size: torch.randn(SHAPE).clamp(-size, size),
    "shared_over_batch": shared(1),
    "shared_over_units": shared(2),
    "shared_over_calls": shared(0),
    "unit_correlation": correlated((EVERY, EVERY, 3), (EVERY, EVERY, 11)),
    "row_lengths": longer_rows,
    "successive_rows": correlated((EVERY, slice(0, None, 2)), (EVERY, slice(1, None, 2))),
    "successive_calls": correlated(slice(0, None, 2), slice(1, None, 2)),
    "repeats": copies,
}


def caught(test, size, seeds):
    for seed in range(seeds):
        torch.manual_seed(seed)
        yield test(FAULTS[test.__name__](size).double()) is not None


@pytest.mark.parametrize("test", noise.TESTS, ids=lambda test: test.__name__)
def test_the_promised_fault_is_caught(test):
    rounding = 0.999 if test is noise.tails else 1.001  # the table gives four digits
    assert all(caught(test, rounding * row(test.__name__).size, 50))


@pytest.mark.parametrize("test", noise.TESTS, ids=lambda test: test.__name__)
def test_half_the_promised_fault_may_pass(test):
    """A limit on the noise is the milder the larger it is."""
    factor = 1.5 if test is noise.tails else 0.5
    assert not all(caught(test, factor * row(test.__name__).size, 10))


def test_the_law_of_products_is_that_of_a_simulation():
    """The chance to miss a correlation, at a size where it can be counted."""
    count, r, bound = 200, 0.3, 45.0
    torch.manual_seed(0)
    x, y = torch.randn(2, 40_000, count, dtype=torch.float32)
    sums = (x * (r * x + math.sqrt(1 - r * r) * y)).sum(1)
    counted = float(((sums < bound) & (sums > -bound)).double().mean())
    assert power.products_within(bound, r, count) == pytest.approx(counted, abs=0.012)


@pytest.mark.parametrize(("factor", "noticed"), [(1.05, True), (0.95, False)])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gradient_of_mu", false_alarms.gradient_of_mu_off),
        ("limit", false_alarms.sample_off),
        ("same_noise", false_alarms.noise_off),
        ("inputs_unchanged", false_alarms.inputs_off),
    ],
)
def test_the_edge_of_a_tolerance(name, change, factor, noticed):
    size = factor * row(name).size

    def altered(answer, call, asked):
        change(size, answer, call, asked)

    check, reference = getattr(false_alarms.checks, f"test_{name}"), false_alarms.submissions()["reference"]
    assert false_alarms.fails(check, reference, false_alarms.Altered(altered)) == noticed


@pytest.mark.parametrize(("factor", "noticed"), [(1.05, True), (0.95, False)])
def test_a_gradient_of_logvar_that_is_off(factor, noticed):
    """Whatever was drawn; 0.95 of the size lies within the relative part of the slack."""
    size, check = factor * row("gradient_of_logvar").size, false_alarms.checks.test_gradient_of_logvar

    def altered(answer, call, asked):
        answer["gradients"]["logvar"] *= 1 + size

    try:
        for stray in range(20):
            false_alarms.home().stray = stray
            reference = false_alarms.submissions()["reference"]
            assert false_alarms.fails(check, reference, false_alarms.Altered(altered)) == noticed
    finally:
        false_alarms.home().stray = 0
