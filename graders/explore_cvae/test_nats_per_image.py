"""Task nats_per_image: both terms, summed over pixels and units, averaged over images."""

import math

import pytest
import torch

from cvaekit.grading.failure import Failure
from graders.explore_cvae import inputs

WANTED = "nats per image: sums over pixels and latent units, averaged over images"


def terms(submission, example):
    """What the submission was called with, and its two numbers."""
    called = f"nats_per_image of {len(example[0])} images with {example[2].shape[1]} latent units"
    answer = submission.ask("both_terms", called, wanted="two numbers: reconstruction and KL", inputs=example)
    return called, answer["terms"]


def compare(submission, example, place):
    """One of the two terms has the right value."""
    called, found = terms(submission, example)
    right, name = inputs.terms(example), ("reconstruction", "KL")[place]
    if math.isclose(found[place], right[place], rel_tol=1e-4):
        return
    count, units = len(example[0]), example[2].shape[1]
    got = f"a {name} term of {found[place]:.4g}, too {_relation(found[place], right[place])}"
    hint = "Is the number right for a single image? If so: which axes are added up, and over which one is the average?"
    if math.isclose(found[place], right[1 - place], rel_tol=1e-3):
        got, hint = f"the other term in the place of the {name} term", "Which of the two comes first?"
    elif any(math.isclose(found[place] * scale, right[place], rel_tol=1e-3) for scale in (784, units, 1 / count)):
        hint = "The right term on another scale. Which axes were added up, and over which one was the average taken?"
    raise Failure(called, got, WANTED, hint)


def _relation(found, right):
    if not math.isfinite(found):
        return "far from a number"
    return "small" if found < right else "large"


@pytest.mark.core
@pytest.mark.points(4)
def test_reconstruction(submission):
    """The first number is the cross entropy of an image, averaged over images."""
    compare(submission, inputs.batch(37, 5, 11), 0)
    compare(submission, inputs.batch(6, 3, 13), 0)


@pytest.mark.core
@pytest.mark.points(3)
def test_kl(submission):
    """The second number is the KL of a code, averaged over images."""
    compare(submission, inputs.batch(37, 5, 11), 1)
    compare(submission, inputs.batch(6, 3, 13), 1)


@pytest.mark.points(1)
def test_far_codes(submission):
    """The KL keeps growing where mu is far out, and where the variance is very large or very small."""
    compare(submission, inputs.far(5, 3, 47), 1)


@pytest.mark.points(1)
def test_more_of_the_same(submission):
    """The same images three times cost as much per image."""
    example = inputs.batch(4, 7, 17)
    called, once = terms(submission, example)
    _, thrice = terms(submission, [part.repeat(3, 1) for part in example])
    for name, one, other in zip(("reconstruction", "KL"), once, thrice, strict=True):
        if not math.isclose(one, other, rel_tol=1e-4):
            got = f"{name} terms of {one:.4g} and {other:.4g}"
            raise Failure(f"{called}, and of the same images three times", got, "the same nats per image")


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The tensors are left as they came."""
    example = inputs.batch(4, 3, 19)
    called = "nats_per_image(reconstruction, images, mu, logvar)"
    after = submission.ask("both_terms", called, wanted="two numbers", inputs=example)["after"]
    if not all(map(torch.equal, after, example)):
        raise Failure(called, "a tensor was overwritten", "tensors that are left as they came")
