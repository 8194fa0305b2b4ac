"""Each test on noise, and each exact check, catches a fault of the size that the table promises."""

import math

import pytest
import torch
from scipy import optimize, stats

from cvaekit.statistics import detectable_effect, simulation
from cvaekit.statistics import false_alarms as tables
from cvaekit.statistics import normality_tests as noise
from graders.conditional_vae import exact_checks, false_alarms
from graders.conditional_vae import test_reparameterize as checks

ASSIGNMENT = false_alarms.ASSIGNMENT
TABLE = tables.load(ASSIGNMENT)
SHAPE = CALLS, BATCH, UNITS = checks.SAMPLE


def row(name):
    return next(row for row in TABLE.rows if row.test == name)


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
    assert detectable_effect.products_within(bound, r, count) == pytest.approx(counted, abs=0.012)


def complains(name, change, stray=0):
    """Whether a check of reparameterize notices that the reference's answers are changed."""
    altered = simulation.AlteredWorkers(simulation.KeptWorkers(ASSIGNMENT, stray), "reparameterize", change)
    check, reference = getattr(checks, f"test_{name}"), false_alarms.submissions()["reference"]
    return simulation.fails(check, ASSIGNMENT.task("reparameterize"), ASSIGNMENT, reference, altered)


@pytest.mark.parametrize(("factor", "noticed"), [(1.05, True), (0.95, False)])
@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("gradient_of_mu", exact_checks.gradient_of_mu_off),
        ("limit", exact_checks.sample_off),
        ("same_noise", exact_checks.noise_off),
        ("inputs_unchanged", exact_checks.inputs_off),
    ],
)
def test_the_edge_of_a_tolerance(name, change, factor, noticed):
    size = factor * row(name).size

    def altered(answer, call, asked):
        change(size, answer, call, asked)

    assert complains(name, altered) == noticed


@pytest.mark.parametrize(("factor", "noticed"), [(1.05, True), (0.95, False)])
def test_a_gradient_of_logvar_that_is_off(factor, noticed):
    """Whatever was drawn; 0.95 of the size lies within the relative part of the slack."""
    size = factor * row("gradient_of_logvar").size

    def altered(answer, call, asked):
        answer["gradients"]["logvar"] *= 1 + size

    for stray in range(20):
        assert complains("gradient_of_logvar", altered, stray) == noticed
