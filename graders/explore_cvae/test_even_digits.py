"""Task even_digits: judged by what the images show, to a classifier of the grader's (see WEIGHTS.md).

The decoder draws an even digit in 98.9 % of cases where one is asked for, in 3 % where an odd one is. Another decoder
shows in its first ten pixels what it was told. Each bound below lies six standard deviations or more from what an
honest answer gives, by the binomial distribution or 300 runs.
"""

import pytest
import torch

from cvaekit.grading.failure import Failure
from graders.cvae.network import generator, shape_of
from graders.explore_cvae import inputs, networks

COUNT = 500
EVEN = 465  # an honest answer has 494.5, give or take 2.3
MANY = 4000
EACH = (620, 980)  # of 800 each, give or take 25 where labels are drawn at random
SPREAD = (0.88, 1.12)  # variance of the pixels, as a share of what the prior gives: 1, give or take 0.015
CALLED = f"even_digits(model, {COUNT})"


def images(submission, seed=0):
    """What comes back from a trained model: (COUNT, 784)."""
    found = submission.ask("even", CALLED, wanted="images", weights=networks.weights("decoder"), count=COUNT, seed=seed)
    if found["images"].shape != (COUNT, 784) or not found["images"].is_floating_point():
        raise Failure(CALLED, shape_of(found["images"]), f"images, as a tensor of shape ({COUNT}, 784)")
    return found["images"].float().nan_to_num()


def labels(submission):
    """What a model was told for MANY images, as its pixels show it, and the call: (MANY, 10)."""
    called = f"even_digits(model, {MANY})"
    found = submission.ask("even", called, wanted="images", weights=inputs.telltale(), count=MANY)["images"]
    if found.shape != (MANY, 784) or not found.is_floating_point():
        raise Failure(called, shape_of(found), f"images, as a tensor of shape ({MANY}, 784)")
    return inputs.told(found.nan_to_num()), called


@pytest.mark.core
@pytest.mark.points(7)
def test_even(submission):
    """The images show even digits, as the grader's classifier sees them."""
    shown = networks.classifier(images(submission))
    even = int((shown % 2 == 0).sum())
    if even < EVEN:
        odd = (shown[shown % 2 == 1]).bincount(minlength=10).argmax()
        got = f"{COUNT - even} images that show an odd digit, most often a {odd}"
        raise Failure(CALLED, got, "images of even digits", "The decoder draws what its label says. What was it told?")


@pytest.mark.core
@pytest.mark.points(3)
def test_all_five(submission):
    """Each of the five even digits is drawn about equally often."""
    told, called = labels(submission)
    counts = told.argmax(dim=1).bincount(minlength=10)[::2]
    for digit, count in zip(range(0, 10, 2), counts.tolist(), strict=True):
        if not EACH[0] <= count <= EACH[1]:
            hint = "Write down the even digits from the start. Does each of them get its turn?"
            raise Failure(called, f"{count} images of a {digit}", "all even digits about equally often", hint)


@pytest.mark.points(1)
def test_one_digit_each(submission):
    """Every image is asked for by one digit."""
    told, called = labels(submission)
    largest, others = told.topk(2, dim=1).values.unbind(dim=1)
    if (several := int(((largest - 1).abs() > 0.05).logical_or(others.abs() > 0.05).sum())) > 0:
        hint = "Read one row of your labels aloud: which digit does it name, and does it name another one beside it?"
        raise Failure(called, f"{several} images whose label is not one digit", "a label that names one digit", hint)


@pytest.mark.points(2)
def test_own_codes(submission):
    """Every image is drawn from a code of its own."""
    found = images(submission)
    distances = torch.cdist(found, found) + 1e3 * torch.eye(COUNT)
    if (same := int((distances.min(dim=1).values < 1e-3).sum())) > 0:
        hint = "How many codes are drawn, and how many images are made of each?"
        raise Failure(CALLED, f"{same} images that are there more than once", "an image of its own each time", hint)


@pytest.mark.points(1)
def test_prior(submission):
    """The images vary as much as the prior's do."""
    found, shown = images(submission), torch.arange(COUNT) % 5 * 2
    codes = torch.randn(COUNT, 16, generator=generator(5))
    right = networks.decoder(codes, torch.eye(10)[shown])
    mine = networks.classifier(found)
    ratios = [
        float(found[mine == digit].var(0).sum() / right[shown == digit].var(0).sum())
        for digit in range(0, 10, 2)
        if int((mine == digit).sum()) > 1
    ]
    ratio = sum(ratios) / max(1, len(ratios))
    if not SPREAD[0] <= ratio <= SPREAD[1]:
        relation = "little" if ratio < SPREAD[0] else "much"
        hint = "From which distribution is a code drawn, if the decoder is to know it from training?"
        raise Failure(CALLED, f"images of a digit that vary too {relation}", "images as the prior draws them", hint)


@pytest.mark.points(1)
def test_any_model(submission):
    """Any number of images, of a model with any number of latent units."""
    for count, latent_dim in ((7, 5), (1, 2), (12, 24)):
        called = f"even_digits(model, {count}) of a model with {latent_dim} latent units"
        found = submission.ask("even", called, wanted="images", weights=inputs.drawing(latent_dim), count=count)
        if found["images"].shape != (count, 784):
            raise Failure(called, shape_of(found["images"]), f"a tensor of shape ({count}, 784)")
