"""The battery for standard normal noise: silent on right samplers, and sure to see the faults it names."""

import math

import pytest
import torch
from scipy import stats

from cvaekit.statistics import normality_tests as noise

SHAPE = (8, 512, 16)


def sample(seed, draw=torch.randn):
    torch.manual_seed(seed)
    return draw(SHAPE, dtype=torch.float64) if draw is torch.randn else draw().double()


def alarms(values):
    return {test.__name__ for test in noise.TESTS if test(values)}


@pytest.mark.parametrize("seed", range(40))
def test_right_noise_raises_no_alarm(seed):
    assert alarms(sample(seed)) == set()


def box_muller():
    u, v = torch.rand(SHAPE).clamp(min=1e-7), torch.rand(SHAPE)
    return torch.sqrt(-2 * u.log()) * torch.cos(2 * math.pi * v)


def inverse_cdf():
    return torch.special.ndtri(torch.rand(SHAPE).clamp(1e-7, 1 - 1e-7))


@pytest.mark.parametrize("draw", [box_muller, inverse_cdf, lambda: -torch.randn(SHAPE)])
@pytest.mark.parametrize("seed", range(10))
def test_unusual_right_noise_raises_no_alarm(draw, seed):
    assert alarms(sample(seed, draw)) == set()


def antithetic_rows():
    half = torch.randn(8, 256, 16)
    return torch.cat([half, -half], dim=1)


def carried_over():
    fresh = torch.randn(SHAPE)
    fresh[1::2] = 0.5 * fresh[0::2] + math.sqrt(0.75) * fresh[1::2]
    return fresh


def correlated_neighbours():
    fresh = torch.randn(SHAPE)
    fresh[:, 1::2] = 0.2 * fresh[:, 0::2] + math.sqrt(0.96) * fresh[:, 1::2]
    return fresh


def correlated_units():
    fresh = torch.randn(SHAPE)
    fresh[..., 3] = 0.3 * fresh[..., 2] + math.sqrt(0.91) * fresh[..., 3]
    return fresh


FAULTS = {
    "mean": lambda: torch.randn(SHAPE) + 0.05,
    "variance": lambda: torch.randn(SHAPE) * 1.05,
    "shape": lambda: (torch.rand(SHAPE) * 2 - 1) * math.sqrt(3),
    "tails": lambda: torch.randn(SHAPE).clamp(-3.4, 3.4),
    "shared_over_batch": lambda: torch.randn(8, 1, 16).expand(SHAPE),
    "shared_over_units": lambda: torch.randn(8, 512, 1).expand(SHAPE),
    "shared_over_calls": lambda: torch.randn(1, 512, 16).expand(SHAPE),
    "unit_correlation": correlated_units,
    "row_lengths": lambda: torch.nn.functional.normalize(torch.randn(SHAPE), dim=2) * 4,
    "successive_rows": correlated_neighbours,
    "successive_calls": carried_over,
    "repeats": lambda: torch.randn(SHAPE).mul(20).round().div(20),
}


@pytest.mark.parametrize("name", FAULTS)
@pytest.mark.parametrize("seed", range(10))
def test_each_test_sees_the_fault_it_is_for(name, seed):
    assert name in alarms(sample(seed, FAULTS[name]))


OTHER_FAULTS = {
    "uniform": lambda: torch.rand(SHAPE),
    "narrow": lambda: torch.randn(SHAPE) * 0.95,
    "laplace": lambda: torch.distributions.Laplace(0.0, math.sqrt(0.5)).sample(SHAPE),
    "clipped": lambda: torch.randn(SHAPE).clamp(-2, 2),
    "student t": lambda: torch.distributions.StudentT(5.0).sample(SHAPE) * math.sqrt(3 / 5),
    "antithetic": antithetic_rows,
    "zero": lambda: torch.zeros(SHAPE),
    "nan": lambda: torch.full(SHAPE, math.nan),
    "infinite": lambda: torch.full(SHAPE, math.inf),
    "batch standardised": lambda: (x := torch.randn(SHAPE)) - x.mean(dim=1, keepdim=True),
}


@pytest.mark.parametrize("name", OTHER_FAULTS)
@pytest.mark.parametrize("seed", range(5))
def test_wrong_noise_is_seen(name, seed):
    assert alarms(sample(seed, OTHER_FAULTS[name]))


def test_each_test_is_shown_to_fail():
    assert set(FAULTS) == {test.__name__ for test in noise.TESTS}


def test_bounds_agree_with_scipy():
    assert noise.normal_bound() == pytest.approx(stats.norm.isf(noise.ALPHA / 2), rel=1e-6)
    for degrees in (128, 4096, 8192, 65536):
        edge = stats.chi2.isf(noise.ALPHA / 2, degrees)
        assert noise.chi_square_is_unlikely(edge * 1.0002, degrees)
        assert not noise.chi_square_is_unlikely(edge * 0.9998, degrees)
        low = stats.chi2.ppf(noise.ALPHA / 2, degrees)
        assert noise.chi_square_is_unlikely(low * 0.9998, degrees)
        assert not noise.chi_square_is_unlikely(low * 1.0002, degrees)
