"""Test whether a sample is independent standard normal noise, with a proven bound on false alarms.

Each test returns None, or a sentence that says what is wrong. It fails a correct sampler with probability ALPHA at
most. The bounds follow from exact laws (normal, chi-square) and inequalities (Dvoretzky-Kiefer-Wolfowitz-Massart,
Bernstein) for normal noise; nothing is simulated. `cvaekit.statistics.detectable_effect` computes the smallest fault
that each test surely detects. noise: (calls, rows, units), float64.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor

Test = Callable[[Tensor], str | None]

ALPHA = 8e-11  # probability of a false alarm, per test
DISTINCT = 0.9  # smallest share of distinct numbers among all draws


def normal_bound(alpha: float = ALPHA) -> float:
    """Return the bound that |x| exceeds with probability `alpha`, for x ~ N(0, 1); 6.50 for 8e-11."""
    return float(-torch.special.ndtri(torch.tensor(alpha / 2, dtype=torch.float64)))


def chi_square_is_unlikely(value: float, degrees: int, alpha: float = ALPHA) -> bool:
    """Return whether `value` lies in one of the two tails, of probability alpha / 2 each, of the chi-square law."""
    shape, half = torch.tensor(degrees / 2, dtype=torch.float64), torch.tensor(value / 2, dtype=torch.float64)
    tails = torch.special.gammainc(shape, half), torch.special.gammaincc(shape, half)
    return not min(float(tail) for tail in tails) >= alpha / 2  # also true for NaN


def ks_bound(count: int, alpha: float = ALPHA) -> float:
    """Return the distance between the empirical and the true distribution function that `count` draws exceed with
    probability `alpha` at most (DKW inequality with Massart's constant)."""
    return math.sqrt(math.log(2 / alpha) / (2 * count))


def bernstein_bound(count: int, alpha: float = ALPHA) -> float:
    """Return t with 2 exp(-t^2 / (2 (1 + t / sqrt(count)))) = alpha: Bernstein's bound for the sum of `count` products
    of two independent standard normals, divided by sqrt(count). Their moments satisfy E|xy|^k <= k!/2."""
    budget = 2 * math.log(2 / alpha)
    slack = budget / math.sqrt(count)
    return (slack + math.sqrt(slack**2 + 4 * budget)) / 2


def tail_bound(count: int, alpha: float = ALPHA) -> float:
    """Return the bound within which all of `count` standard normal draws lie with probability `alpha` at most; 3.57 for
    65,536 draws."""
    beyond = -math.log(alpha) / count  # no draw lies beyond with probability (1 - p)^N <= exp(-N p)
    return normal_bound(beyond)


def mean(noise: Tensor) -> str | None:
    """The mean of all draws is 0. Bound: normal law of the mean."""
    value = float(noise.mean())
    if not abs(value) * math.sqrt(noise.numel()) < normal_bound():
        return "its average over many draws lies clearly above 0" if value > 0 else "its average is not 0"
    return None


def variance(noise: Tensor) -> str | None:
    """The draws have variance 1. Bound: both tails of chi-square, for the sum of squares."""
    total = float(noise.square().sum())
    if chi_square_is_unlikely(total, noise.numel()):
        return "its spread is too wide" if total > noise.numel() else "its spread is too narrow"
    return None


def shape(noise: Tensor) -> str | None:
    """The draws follow the normal distribution. Bound: DKW inequality over all draws."""
    distance = _distance(torch.special.ndtr(noise.flatten().sort().values))
    return None if distance < ks_bound(noise.numel()) else "its distribution is not the bell curve"


def tails(noise: Tensor) -> str | None:
    """The largest draw is large enough. Bound: exact law of the largest of all draws."""
    return None if float(noise.abs().max()) > tail_bound(noise.numel()) else "numbers far from its centre never come"


def _shared(noise: Tensor, axis: int) -> bool:
    """Return whether means over `axis` vary more, or less, than those of independent draws. Bound: chi-square law."""
    means = noise.mean(dim=axis)
    return chi_square_is_unlikely(float(noise.shape[axis] * means.square().sum()), means.numel())


def shared_over_batch(noise: Tensor) -> str | None:
    """Each row has noise of its own. Bound: chi-square of the batch means."""
    return "the rows of one batch do not get independent noise" if _shared(noise, 1) else None


def shared_over_units(noise: Tensor) -> str | None:
    """Each unit has noise of its own. Bound: chi-square of the means over units."""
    return "the units of one row do not get independent noise" if _shared(noise, 2) else None


def shared_over_calls(noise: Tensor) -> str | None:
    """Each call draws noise of its own. Bound: chi-square of the means over calls."""
    return "several calls in a row do not get independent noise" if _shared(noise, 0) else None


def unit_correlation(noise: Tensor) -> str | None:
    """No two units are correlated. Bound: Bernstein's inequality, shared out over all pairs of units."""
    columns = noise.flatten(0, 1)
    count, units = columns.shape
    products = (columns.T @ columns) / math.sqrt(count)
    pairs = torch.triu(products, diagonal=1)
    limit = bernstein_bound(count, ALPHA / (units * (units - 1) / 2))
    return None if float(pairs.abs().max()) < limit else "two units move together"


def successive_rows(noise: Tensor) -> str | None:
    """Neighbouring rows of a batch are not correlated. Bound: Bernstein's inequality over disjoint pairs of rows."""
    return _paired(noise[:, 0::2] * noise[:, 1::2], "neighbouring rows of a batch move together")


def successive_calls(noise: Tensor) -> str | None:
    """Successive calls are not correlated. Bound: Bernstein's inequality over disjoint pairs of calls."""
    return _paired(noise[0::2] * noise[1::2], "successive calls return related noise")


def _paired(products: Tensor, fault: str) -> str | None:
    value = abs(float(products.sum())) / math.sqrt(products.numel())
    return None if value < bernstein_bound(products.numel()) else fault


def row_lengths(noise: Tensor) -> str | None:
    """The squared lengths of the rows follow their chi-square law. Bound: DKW inequality over all rows."""
    lengths = noise.square().sum(dim=2).flatten()
    half = torch.tensor(noise.shape[2] / 2, dtype=torch.float64)
    if not _distance(torch.special.gammainc(half, lengths.sort().values / 2)) < ks_bound(len(lengths)):
        return "the units of one row depend on each other"
    return None


def _distance(cdf: Tensor) -> float:
    """Return the largest distance between the empirical distribution function and the one tested, which has the values
    `cdf` at the sorted draws."""
    steps = torch.arange(len(cdf) + 1, dtype=torch.float64) / len(cdf)
    return float(torch.maximum((cdf - steps[:-1]).abs().max(), (steps[1:] - cdf).abs().max()))


def repeats(noise: Tensor) -> str | None:
    """Few numbers come twice. Bound: binomial law, while no number has a chance above 1e-6.

    Each of N draws repeats an earlier one with probability N max(p) at most. For float32 normals max(p) is near 6e-8,
    and about 0.5 % of 65,536 draws are repeats.
    """
    distinct = noise.float().unique().numel() / noise.numel()
    return None if distinct > DISTINCT else "the same numbers come again and again"


DISTRIBUTION: tuple[Test, ...] = (mean, variance, shape, tails)
INDEPENDENCE: tuple[Test, ...] = (
    shared_over_batch,
    shared_over_units,
    shared_over_calls,
    unit_correlation,
    row_lengths,
    successive_rows,
    successive_calls,
    repeats,
)
TESTS = DISTRIBUTION + INDEPENDENCE
