"""Compute the smallest fault that each test of `normality_tests` detects with probability 1 - MISS.

It follows from the law of the test's statistic under the fault; nothing is simulated. Importing scipy is slow, so no
module that grades imports this one. sample: shape of the sample, (calls, rows, units).
"""

import math
from collections.abc import Callable

import numpy as np
from scipy import optimize, special, stats  # type: ignore[import-untyped]

from cvaekit.statistics import normality_tests

MISS = 1e-6  # probability that a fault of the computed size is not detected

Shape = tuple[int, int, int]


def mean(sample: Shape) -> float:
    """Return the smallest shift of the mean, by the normal law of the mean."""
    root, bound = math.sqrt(math.prod(sample)), normality_tests.normal_bound()
    return _root(lambda d: special.ndtr(bound - d * root) - special.ndtr(-bound - d * root))


def variance(sample: Shape) -> float:
    """Return the smallest relative error of the standard deviation, by the chi-square law: the larger of the two for
    too wide and too narrow."""
    count = math.prod(sample)
    return max(_root(lambda d: _unnoticed(1 + d, count)), _root(lambda d: _unnoticed(1 - d, count)))


def shape(sample: Shape) -> float:
    """Return the smallest distance, by Hoeffding's inequality where the distribution functions differ most."""
    return _distance(math.prod(sample))


def tails(sample: Shape) -> float:
    """Return the largest limit on the draws that is always detected: the test wants a draw beyond this bound."""
    return normality_tests.tail_bound(math.prod(sample))


def _shared(sample: Shape, axis: int) -> float:
    """Return the smallest share r of the variance that n draws along `axis` have in common, by the chi-square law: the
    variance of their mean is (1 + (n - 1) r) / n."""
    size = sample[axis]
    means = math.prod(sample) // size
    return _root(lambda share: _unnoticed(math.sqrt(1 + (size - 1) * share), means))


def unit_correlation(sample: Shape) -> float:
    """Return the smallest correlation of one pair of units, by the law of a sum of products."""
    calls, batch, units = sample
    return _correlation(calls * batch, normality_tests.ALPHA / math.comb(units, 2))


def successive_rows(sample: Shape) -> float:
    """Return the smallest correlation of successive rows, by the law of a sum of products over disjoint pairs."""
    return _correlation(sample[0] * (sample[1] // 2) * sample[2], normality_tests.ALPHA)


def successive_calls(sample: Shape) -> float:
    """Return the smallest correlation of successive calls, by the law of a sum of products over disjoint pairs."""
    return _correlation((sample[0] // 2) * sample[1] * sample[2], normality_tests.ALPHA)


def row_lengths(sample: Shape) -> float:
    """Return the smallest distance for the rows' squared lengths, by Hoeffding's inequality."""
    return _distance(sample[0] * sample[1])


def repeats(sample: Shape) -> float:
    """Return the smallest share of draws that are copies, by the binomial law of their number."""
    count = math.prod(sample)
    needed = math.ceil((1 - normality_tests.DISTINCT) * count)
    return _root(lambda share: stats.binom.cdf(needed - 1, count, share))


def _root(miss: Callable[[float], float]) -> float:
    """Return the size in (0, 1) of a fault that is missed with probability MISS. miss: that probability, by size."""
    return float(optimize.brentq(lambda size: miss(size) - MISS, 0, 1 - 1e-9))


def _unnoticed(spread: float, degrees: int) -> float:
    """Return the probability that spread^2 chi-square(degrees) lies between the bounds for spread 1."""
    low, high = (stats.chi2.ppf(normality_tests.ALPHA / 2, degrees), stats.chi2.isf(normality_tests.ALPHA / 2, degrees))
    return float(stats.chi2.cdf(high / spread**2, degrees) - stats.chi2.cdf(low / spread**2, degrees))


def _distance(count: int) -> float:
    """Return the DKW bound plus the s for which Hoeffding's exp(-2 n s^2) is MISS."""
    return normality_tests.ks_bound(count) + math.sqrt(-math.log(MISS) / (2 * count))


def _correlation(count: int, alpha: float) -> float:
    bound = normality_tests.bernstein_bound(count, alpha) * math.sqrt(count)
    return _root(lambda r: products_within(bound, r, count))


def products_within(bound: float, r: float, count: int) -> float:
    """Return the probability that |sum of xy| <= bound, over `count` pairs of standard normals with correlation r.

    Exact: the sum is (1 + r)/2 A - (1 - r)/2 B, for A and B independent chi-square(count), since
    4 xy = (x + y)^2 - (x - y)^2. B is integrated over numerically.
    """
    b = np.linspace(-10, 10, 2001) * math.sqrt(2 * count) + count
    weights = stats.chi2.pdf(b, count)
    above, below = (stats.chi2.cdf((edge + (1 - r) / 2 * b) * 2 / (1 + r), count) for edge in (bound, -bound))
    return float(weights @ (above - below) / weights.sum())


# The fault of each test, in words that its size follows.
FAULTS: dict[normality_tests.Test, tuple[str, Callable[[Shape], float]]] = {
    normality_tests.mean: ("shift of the mean, in standard deviations", mean),
    normality_tests.variance: ("relative error of the standard deviation", variance),
    normality_tests.shape: ("largest distance from the normal distribution function", shape),
    normality_tests.tails: ("limit on the noise, in standard deviations", tails),
    normality_tests.shared_over_batch: ("share of the variance that all rows have in common", lambda s: _shared(s, 1)),
    normality_tests.shared_over_units: ("share of the variance that all units have in common", lambda s: _shared(s, 2)),
    normality_tests.shared_over_calls: ("share of the variance that all calls have in common", lambda s: _shared(s, 0)),
    normality_tests.unit_correlation: ("correlation of one pair of units", unit_correlation),
    normality_tests.row_lengths: (
        "largest distance from the distribution function of a row's squared length",
        row_lengths,
    ),
    normality_tests.successive_rows: ("correlation of each second row with the one before", successive_rows),
    normality_tests.successive_calls: ("correlation of each second call with the one before", successive_calls),
    normality_tests.repeats: ("share of draws that are copies of others", repeats),
}


def smallest_fault(test: normality_tests.Test, sample: Shape) -> tuple[str, float]:
    """Return the fault of `test` in words, and its smallest size. Raises KeyError for an unknown test."""
    words, size = FAULTS[test]
    return words, size(sample)
