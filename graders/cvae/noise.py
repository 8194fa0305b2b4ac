"""The noise that a submission adds in `reparameterize`, as it is recovered from samples, and what it is held against.

The bound on false alarms is that of `cvaekit.statistics.normality_tests`: 8e-11 for each of its twelve tests, so below
1e-9 for a right submission.
"""

from collections.abc import Sequence
from functools import cache

import torch
from torch import Tensor

from cvaekit.grading.failure import Failure
from cvaekit.grading.questions import SubmissionHandle
from cvaekit.statistics import normality_tests as tests_of_noise
from graders.cvae.network import Network, codes, shape_of

CALL = "reparameterize(mu, logvar)"
SAMPLE = (8, 512, 16)  # calls, batch, latent_dim
AT_ZERO = 8  # in one row of so many, mu and logvar are 0
# The grid that noise is put on: recovering it from z moves equal draws apart by a small part of this, and a right
# draw falls on one point of it with a chance below 1e-6, as the test on repeats wants it.
GRID = 2.0**-19
LOST = 0.05  # share of equal draws that land on two points of the grid nevertheless, at most: 0.028 for the reference


@cache
def parameters() -> tuple[Tensor, Tensor]:
    """mu and logvar, SAMPLE each, of both signs: |mu| <= 2, |logvar| <= 2, and now and then a row of zeros.

    Larger ones would round away what is to be recovered; the exact checks ask for those.
    """
    calls, batch, latent_dim = SAMPLE
    mu = codes(calls * batch, latent_dim, 101).clamp(-2, 2)
    logvar = codes(calls * batch, latent_dim, 103).clamp(-2, 2)
    for values in (mu, logvar):
        values[::AT_ZERO] = 0
    return mu.reshape(SAMPLE), logvar.reshape(SAMPLE)


def sample(network: Network, submission: SubmissionHandle) -> Tensor:
    """SAMPLE float64: what is left of z without mu and the spread that logvar stands for."""
    mu, logvar = parameters()
    answer = submission.ask(
        "draws",
        f"{CALL} eight times",
        wanted="eight samples shaped like mu",
        mu=mu,
        logvar=logvar,
        seed=20_231,
        **network.for_probes,
    )
    if not isinstance(answer, Tensor) or answer.shape != SAMPLE:
        raise Failure(f"{CALL} with mu of shape {SAMPLE[1:]}", shape_of(answer), "one tensor z shaped like mu")
    return recovered(answer, mu, logvar)


def recovered(z: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """(z - mu) / sigma in float64, on the GRID."""
    noise = (z.double() - mu.double()) / torch.exp(0.5 * logvar.double())
    return (noise / GRID).round() * GRID


def judge(noise: Tensor, tests: Sequence[tests_of_noise.Test]) -> None:
    """Raise the Failure of the first of `tests` that finds a fault."""
    for test in tests:
        if fault := test(noise):
            raise Failure(
                f"{CALL} eight times; of each z, what is left without mu and the spread",
                fault,
                "independent standard normal noise for every image, every latent unit and every call",
                OFF_CENTRE if test is tests_of_noise.mean and noise.min() < 0 else HINTS[test],
            )


OFF_CENTRE = "Noise of a standard normal law favours no side. From which law is it drawn, and what is done to it?"


HINTS: dict[tests_of_noise.Test, str] = {
    tests_of_noise.mean: "Is the noise ever negative?",
    tests_of_noise.variance: "Standard noise has a spread of one. What happens to it between the draw and z?",
    tests_of_noise.shape: "Mean and spread say little about the shape; which distribution does the prior have?",
    tests_of_noise.tails: "Is a limit put on the noise somewhere?",
    tests_of_noise.shared_over_batch: "Two different images should not receive the same disturbance.",
    tests_of_noise.shared_over_units: "The coordinates of one code should not all move together.",
    tests_of_noise.shared_over_calls: "Is the noise drawn at the time of the call, or once and for all before?",
    tests_of_noise.unit_correlation: "Every coordinate of a code deserves its own draw.",
    tests_of_noise.row_lengths: "Every coordinate of a code deserves its own draw, whatever the others came out as.",
    tests_of_noise.successive_rows: "Every row of a batch deserves its own draw.",
    tests_of_noise.successive_calls: "Is the noise drawn at the time of the call, or carried over from an earlier one?",
    tests_of_noise.repeats: "Each number should be drawn anew; where does this noise come from?",
}
