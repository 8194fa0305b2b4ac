"""The smallest fault that each test of `cvaekit.statistics.normality_tests` catches with probability 1 - MISS.

Computed from the law of the statistic under the fault, never simulated. Needs scipy, so nothing that grades imports
this module. `sample` is the sample's shape, (calls, rows, units).
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, special, stats  # type: ignore[import-untyped]

from cvaekit.statistics import normality_tests as noise

MISS = 1e-6

Shape = tuple[int, int, int]


def mean(sample: Shape) -> float:
    """By the normal law of the mean."""
    root, bound = math.sqrt(math.prod(sample)), noise.normal_bound()
    return _root(lambda d: special.ndtr(bound - d * root) - special.ndtr(-bound - d * root))


def variance(sample: Shape) -> float:
    """By the chi-square law; the worse of too wide and too narrow."""
    count = math.prod(sample)
    return max(_root(lambda d: _unnoticed(1 + d, count)), _root(lambda d: _unnoticed(1 - d, count)))


def shape(sample: Shape) -> float:
    """By Hoeffding's inequality at the point where the two distribution functions are farthest apart."""
    return _distance(math.prod(sample))


def tails(sample: Shape) -> float:
    """Within the bound no draw is large enough, so that any limit up to it is caught always."""
    return noise.tail_bound(math.prod(sample))


def _shared(sample: Shape, axis: int) -> float:
    """By the chi-square law: of n draws with a share r in common, the mean has n times the variance 1 + (n - 1) r."""
    size = sample[axis]
    means = math.prod(sample) // size
    return _root(lambda share: _unnoticed(math.sqrt(1 + (size - 1) * share), means))


def unit_correlation(sample: Shape) -> float:
    """By the law of a sum of products, for a single pair of units."""
    calls, batch, units = sample
    return _correlation(calls * batch, noise.ALPHA / math.comb(units, 2))


def successive_rows(sample: Shape) -> float:
    """By the law of a sum of products, over disjoint pairs of rows."""
    return _correlation(sample[0] * (sample[1] // 2) * sample[2], noise.ALPHA)


def successive_calls(sample: Shape) -> float:
    """By the law of a sum of products, over disjoint pairs of calls."""
    return _correlation((sample[0] // 2) * sample[1] * sample[2], noise.ALPHA)


def row_lengths(sample: Shape) -> float:
    """By Hoeffding's inequality, as for the shape."""
    return _distance(sample[0] * sample[1])


def repeats(sample: Shape) -> float:
    """By the binomial law of the number of copies."""
    count = math.prod(sample)
    needed = math.ceil((1 - noise.DISTINCT) * count)
    return _root(lambda share: stats.binom.cdf(needed - 1, count, share))


def _root(miss: Callable[[float], float]) -> float:
    """The size in (0, 1) of a fault that is missed with probability MISS."""
    return float(optimize.brentq(lambda size: miss(size) - MISS, 0, 1 - 1e-9))


def _unnoticed(spread: float, degrees: int) -> float:
    """The chance that spread^2 chi-square(degrees) lies between the bounds for spread 1."""
    low, high = (stats.chi2.ppf(noise.ALPHA / 2, degrees), stats.chi2.isf(noise.ALPHA / 2, degrees))
    return float(stats.chi2.cdf(high / spread**2, degrees) - stats.chi2.cdf(low / spread**2, degrees))


def _distance(count: int) -> float:
    """A distance beyond the DKW bound by as much as Hoeffding's exp(-2 n s^2) = MISS allows for."""
    return noise.ks_bound(count) + math.sqrt(-math.log(MISS) / (2 * count))


def _correlation(count: int, alpha: float) -> float:
    bound = noise.bernstein_bound(count, alpha) * math.sqrt(count)
    return _root(lambda r: products_within(bound, r, count))


def products_within(bound: float, r: float, count: int) -> float:
    """The chance that |sum of xy| <= bound, over `count` pairs of standard normals with correlation r.

    Exact: the sum is (1 + r)/2 A - (1 - r)/2 B, for A and B independent chi-square(count), since
    4 xy = (x + y)^2 - (x - y)^2. B is integrated over numerically.
    """
    b = np.linspace(-10, 10, 2001) * math.sqrt(2 * count) + count
    weights = stats.chi2.pdf(b, count)
    above, below = (stats.chi2.cdf((edge + (1 - r) / 2 * b) * 2 / (1 + r), count) for edge in (bound, -bound))
    return float(weights @ (above - below) / weights.sum())


# Each test's fault, in words to be followed by its size.
FAULTS: dict[noise.Test, tuple[str, Callable[[Shape], float]]] = {
    noise.mean: ("shift of the mean, in standard deviations", mean),
    noise.variance: ("relative error of the standard deviation", variance),
    noise.shape: ("largest distance from the normal distribution function", shape),
    noise.tails: ("limit on the noise, in standard deviations", tails),
    noise.shared_over_batch: ("share of the variance that all rows have in common", lambda s: _shared(s, 1)),
    noise.shared_over_units: ("share of the variance that all units have in common", lambda s: _shared(s, 2)),
    noise.shared_over_calls: ("share of the variance that all calls have in common", lambda s: _shared(s, 0)),
    noise.unit_correlation: ("correlation of one pair of units", unit_correlation),
    noise.row_lengths: ("largest distance from the distribution function of a row's squared length", row_lengths),
    noise.successive_rows: ("correlation of each second row with the one before", successive_rows),
    noise.successive_calls: ("correlation of each second call with the one before", successive_calls),
    noise.repeats: ("share of draws that are copies of others", repeats),
}


def smallest_fault(test: noise.Test, sample: Shape) -> tuple[str, float]:
    """The fault of `test` in words, and its size; KeyError for a test without one."""
    words, size = FAULTS[test]
    return words, size(sample)
