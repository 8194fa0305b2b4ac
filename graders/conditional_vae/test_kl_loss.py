"""Task kl_loss: the closed form, summed over images and latent units; whatever the reconstruction term does."""

import math
from typing import cast

import pytest
import torch
from hypothesis import given

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.cvae import losses
from graders.cvae.examples import BATCHES, LATENTS, PROFILE, SEEDS

WANTED = "the divergence of N(mu, exp(logvar)) from the standard normal, summed over all units and images"


@pytest.mark.core
@pytest.mark.points(5)
@PROFILE
@given(batch=BATCHES, latent_dim=LATENTS, seed=SEEDS)
def test_value(submission, batch, latent_dim, seed):
    """The term has the closed form's value."""
    arguments = losses.example(batch, latent_dim, seed)
    got, wanted = losses.kl_term(submission, arguments), losses.reference_kl(arguments)
    # 5e-4 of the KL; float32 rounding of the reconstruction beside it stays below 1e-5 of that sum.
    slack = 1e-6 * losses.reference_reconstruction(arguments)
    if not abs(got - wanted) <= 5e-4 * wanted + slack:
        raise Failure(losses.call(arguments), _difference(got, wanted), WANTED, _hint(got, wanted, batch, latent_dim))


def _difference(got, wanted):
    if not math.isfinite(got):
        return "a KL term that is no finite number"
    if got < 0:
        return "a KL term below zero"
    return "no KL term at all" if got == 0 else f"a KL term that is too {'small' if got < wanted else 'large'}"


def _hint(got, wanted, batch, latent_dim):
    if not math.isfinite(got):
        return "Which of the functions in this term has no value for some numbers of either sign?"
    if math.isclose(got, -wanted, rel_tol=1e-3):
        return "A divergence cannot be negative."
    if any(math.isclose(got * factor, wanted, rel_tol=1e-3) for factor in (batch, latent_dim, batch * latent_dim)):
        return "The right term on another scale. How should the penalty grow when the batch grows?"
    if wanted and got and math.isclose(got / wanted, round(got / wanted), rel_tol=1e-3):
        return "The term is a constant multiple of the right one."
    return None


@pytest.mark.core
@pytest.mark.points(4)
@PROFILE
@given(batch=BATCHES, latent_dim=LATENTS, seed=SEEDS)
def test_gradient(submission, batch, latent_dim, seed):
    """Its gradients pull mu to zero and the variance to one, at the closed form's rates."""
    _, _, mu, logvar = arguments = losses.example(batch, latent_dim, seed)
    found = losses.ask(submission, arguments)["gradients"] or {}
    for name, wanted in (("mu", mu), ("logvar", 0.5 * (logvar.exp() - 1))):
        got = found.get(name)
        if got is None or not close(got, wanted, 1e-3):
            what = (
                f"no gradient reaches {name}" if got is None else f"the gradient that reaches {name} has other values"
            )
            raise Failure(
                f"backward through {losses.call(arguments)}",
                what,
                "gradients that pull the code towards the standard normal",
                "A centre at +2 and one at -2 should cost the same, and logvar stands for a logarithm.",
            )


@pytest.mark.points(3)
def test_zero_at_prior(submission):
    """A code that is standard normal already costs nothing, however many units it has; any other code costs."""
    arguments = losses.example(7, 5, 61)
    few = losses.ask(submission, losses.at_prior(arguments, 2))["value"]
    many = losses.ask(submission, losses.at_prior(arguments, 19))["value"]
    if submission.alone and not abs(few) < 1e-4:
        raise Failure(
            "cvae_loss at mu = 0 and logvar = 0, the other term being 0",
            "a penalty where there should be none",
            "no penalty where the code is standard normal",
            "What should the penalty be in that case?",
        )
    if not math.isclose(few, many, rel_tol=1e-5, abs_tol=1e-4):
        raise Failure(
            "cvae_loss at mu = 0 and logvar = 0",
            "a loss that changes with the number of latent units",
            "no penalty where the code is standard normal",
            "What should the penalty be in that case?",
        )
    reconstruction, original, mu, logvar = arguments
    for sign in (1, -1):
        if not losses.kl_term(submission, (reconstruction, original, sign * mu, sign * logvar)) > 0:
            raise Failure(losses.call(arguments), "no penalty for a code far from standard normal", WANTED)


@pytest.mark.points(1)
def test_far_from_prior(submission):
    """The penalty keeps growing where the mean is far out, and where the variance is very large or very small."""
    reconstruction, original, mu, _ = losses.example(3, 5, 71)
    for name, far in (("mu", (-40.0, 8.0, 90.0)), ("logvar", (-29.0, -9.0, 9.0, 19.0))):
        for value in far:  # the largest logvar is smaller than an accepted guard against overflow
            code = {"mu": torch.zeros_like(mu), "logvar": torch.zeros_like(mu)} | {name: torch.full_like(mu, value)}
            arguments = reconstruction, original, code["mu"], code["logvar"]
            if not math.isclose(losses.kl_term(submission, arguments), losses.reference_kl(arguments), rel_tol=1e-3):
                raise Failure(
                    f"cvae_loss at {name} = {value:g}, and everything else of the code at 0",
                    "another KL term than such a code has",
                    WANTED,
                    f"Is a limit put on {name} or on the term?",
                )


@pytest.mark.points(2)
def test_adds_up(submission):
    """A batch is penalised as much as its images one by one."""
    arguments = losses.example(3, 5, 67)
    together = losses.kl_term(submission, arguments)
    alone = sum(
        losses.kl_term(submission, cast(losses.Arguments, tuple(a[i : i + 1] for a in arguments))) for i in range(3)
    )
    if not math.isclose(together, alone, rel_tol=1e-3) or not together > 0:
        raise Failure(
            losses.call(arguments),
            "another KL term than its 3 images have one by one",
            "a positive penalty, summed over the images of the batch",
            "How should the penalty grow when the batch grows?",
        )
