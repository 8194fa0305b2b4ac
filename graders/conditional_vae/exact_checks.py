"""The checks of reparameterize that hold for every draw, and the smallest fault that each is sure to catch."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial

import torch
from scipy import optimize  # type: ignore[import-untyped]
from torch import Tensor

from cvaekit import bank
from cvaekit.grading.replay import Check
from cvaekit.kit import SHIPPED, Kit
from cvaekit.statistics import detectable_effect, simulation
from cvaekit.statistics.simulation import AlteredWorkers, Answer, KeptWorkers
from cvaekit.submission.intake import Submission
from graders.conditional_vae import test_reparameterize as checks

ASSIGNMENT = Kit(SHIPPED).assignment("conditional_vae")
NOISE = ASSIGNMENT.task("reparameterize")
PROBE = "reparameterize"


@cache
def _reference() -> Submission:
    return Submission("reference", "cvae.py", bank.solution(ASSIGNMENT).encode())


@cache
def _workers() -> KeptWorkers:
    return KeptWorkers(ASSIGNMENT)


def _fails(check: Check, change: Callable[[Answer, int, Answer], None]) -> bool:
    """Whether `check` notices that the reference's answers are changed."""
    altered = AlteredWorkers(_workers(), PROBE, change)
    return simulation.fails(check, NOISE, ASSIGNMENT, _reference(), altered)


def smallest(check: Check, change: Callable[[float, Answer, int, Answer], None]) -> float:
    """The smallest size between 1e-9 and 1 of a change that `check` notices, by bisection through the check.

    Certain where the change trips the check whatever was drawn, as all changes below do.
    """
    low, high = 1e-9, 1.0
    while high / low > 1.0005:
        middle = math.sqrt(low * high)
        noticed = _fails(check, partial(change, middle))
        low, high = (low, middle) if noticed else (middle, high)
    return high


def gradient_of_mu_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    answer["gradients"]["mu"] *= 1 + size


def sample_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    answer["z"] *= 1 + size


def inputs_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    answer["inputs_after"][0] *= 1 + size


def noise_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    """Noise that grows by `size` once mu and logvar are others. All of it is as large, which is the hardest case: the
    tolerance is relative to the mean size, and no draw has a largest number below its mean."""
    spread = 1000 * (1 + size * (call > 1)) * torch.exp(asked["logvar"].double() / 2)  # 1000, beyond the rounding of mu
    answer["z"] = (asked["mu"].double() + spread).to(asked["mu"].dtype)


def not_finite(answer: Answer, call: int, asked: Answer) -> None:
    answer["z"][0, 0] = math.inf


def unaltered(answer: Answer, call: int, asked: Answer) -> None:
    pass


def sees_the_infinite(check: Check) -> None:
    """No size, since a single number is enough; RuntimeError when it is not."""
    if not _fails(check, not_finite):
        raise RuntimeError("a number that is not finite passes")


def questions(check: Check) -> list[tuple[Tensor, Tensor]]:
    """mu and logvar, float64, of all that `check` asks; the same in every grading."""
    recorder = AlteredWorkers(_workers(), PROBE, unaltered)
    simulation.fails(check, NOISE, ASSIGNMENT, _reference(), recorder)
    return [(asked["mu"].double(), asked["logvar"].double()) for asked in recorder.asked]


def all_within(limit: Tensor, logvar: Tensor) -> float:
    """The chance that every number of the noise, spread by exp(logvar / 2), is at most `limit` in size."""
    return float(torch.special.erf(limit / torch.exp(logvar / 2) / math.sqrt(2)).log().sum().exp())


def vanishing(check: Check) -> float:
    """A bound on the chance that in any question z differs from mu by no more than rounding, here 1e-6 of its size."""
    return sum(all_within(1e-6 * (mu.abs().mean() + mu.abs()), logvar) for mu, logvar in questions(check))


def rate_error(check: Check) -> float:
    """The smallest relative error of dz/dlogvar that goes unnoticed in all questions once in a million times, by the
    normal law of each number of the noise."""
    asked = questions(check)

    def missed(error: float) -> float:
        chance = 1.0
        for mu, logvar in asked:  # error * added / 2 must exceed the slack, which is fixed + relative * added
            fixed = checks.rate_slack(torch.zeros_like(mu), mu)
            relative = checks.rate_slack(torch.ones_like(mu), mu) - fixed
            room = error / 2 - relative
            limit = torch.where(room > 0, fixed / room.clamp(min=1e-12), torch.inf)
            chance *= all_within(limit, logvar)
        return chance - detectable_effect.MISS

    return float(optimize.brentq(missed, 1e-9, 1.0))


@dataclass(frozen=True)
class Exact:
    """A check whose answer holds noise, and which holds for every draw. Its fault in words, and its size."""

    bound: str
    fault: str
    size: Callable[[Check], float | None]
    alpha: Callable[[Check], float] = lambda check: 0.0


IDENTITY = "holds for every draw, within a tolerance for rounding"
EXACT = {
    "gradient_of_mu": Exact(
        IDENTITY, "relative error of the gradient of mu", lambda check: smallest(check, gradient_of_mu_off)
    ),
    "gradient_of_logvar": Exact(
        f"{IDENTITY}, unless all noise is lost in rounding",
        "relative error of the gradient of logvar",
        rate_error,
        vanishing,
    ),
    "limit": Exact(IDENTITY, "relative error of z without spread", lambda check: smallest(check, sample_off)),
    "same_noise": Exact(
        IDENTITY, "relative change of the noise with mu and logvar", lambda check: smallest(check, noise_off)
    ),
    "sizes": Exact(
        "holds for every draw",
        "any other shape or number type, or a single number that is not finite",
        sees_the_infinite,
    ),
    "inputs_unchanged": Exact(IDENTITY, "relative change of mu or logvar", lambda check: smallest(check, inputs_off)),
    "eval_mode": Exact(
        "advice only; given unless z differs from mu", "z that is mu itself", lambda check: None, vanishing
    ),
}
