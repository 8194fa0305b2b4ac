"""Task reconstruction_loss: binary cross entropy, summed over images and pixels; whatever the KL term does."""

import math
from typing import cast

import pytest
from hypothesis import given

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.cvae import losses
from graders.cvae.examples import BATCHES, PROFILE, SEEDS

WANTED = "a reconstruction term that is the binary cross entropy, summed over all pixels and images"


@pytest.mark.core
@pytest.mark.points(4)
@PROFILE
@given(batch=BATCHES, seed=SEEDS)
def test_value(submission, batch, seed):
    """The term is the binary cross entropy summed over pixels and images."""
    arguments = losses.example(batch, 5, seed)
    got, wanted = losses.reconstruction_term(submission, arguments), losses.reference_reconstruction(arguments)
    if not math.isclose(got, wanted, rel_tol=1e-4):
        raise Failure(losses.call(arguments), _difference(got, wanted, batch), WANTED, _hint(got, wanted, batch))


def _difference(got, wanted, batch):
    if not math.isfinite(got):
        return "a reconstruction term that is no finite number"
    if got < 0:
        return "a reconstruction term below zero"
    return f"a reconstruction term that is too {'small' if got < wanted else 'large'}"


def _hint(got, wanted, batch):
    if any(math.isclose(got * factor, wanted, rel_tol=1e-3) for factor in (batch, 784, batch * 784)):
        return (
            "The right term on another scale: both parts of the loss must be counted in the same currency. "
            "Which reduction adds up?"
        )
    return "A loss that likes being wrong." if got < 0 else None


@pytest.mark.core
@pytest.mark.points(4)
@PROFILE
@given(batch=BATCHES, seed=SEEDS)
def test_gradient(submission, batch, seed):
    """The gradient that reaches the reconstruction is that of the binary cross entropy."""
    reconstruction, original, _, _ = arguments = losses.example(batch, 5, seed)
    got = (losses.ask(submission, arguments)["gradients"] or {}).get("reconstruction")
    wanted = (reconstruction - original) / (reconstruction * (1 - reconstruction))
    if got is None or not close(got, wanted, 1e-3):
        what = "no gradient reaches the reconstruction" if got is None else "the gradient has other values"
        raise Failure(
            f"backward through {losses.call(arguments)}",
            what,
            "the gradient of a binary cross entropy that asks every pixel of every image",
            "Black pixels have to be predicted too, and the guess is one argument, the truth the other."
            if got is not None
            else "The optimiser needs one number that remembers where it came from.",
        )


@pytest.mark.points(2)
def test_adds_up(submission):
    """A batch costs as much as its images one by one."""
    arguments = losses.example(3, 5, 59)
    together = losses.reconstruction_term(submission, arguments)
    alone = sum(
        losses.reconstruction_term(submission, cast(losses.Arguments, tuple(a[i : i + 1] for a in arguments)))
        for i in range(3)
    )
    if not math.isclose(together, alone, rel_tol=1e-4):
        raise Failure(
            losses.call(arguments),
            "another reconstruction term than its 3 images have one by one",
            "a sum over the images of the batch",
            "Hand over one image twice as a batch: should the loss double?",
        )
    if not together > 0:
        raise Failure(losses.call(arguments), "no positive reconstruction term", WANTED)
