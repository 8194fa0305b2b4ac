"""Task stroke_width: exact on bars, close to the recipe on digits, and sane where there is nothing to measure."""

import math

import pytest
import torch

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.thickness_cvae import inputs, measure

EXACT = 0.1  # pixels; honest ways to enlarge and to thin agree on bars within 0.03
ON_AVERAGE = 0.3  # pixels; middle lines end at other points, which shifts the average by 0.1; a median is off by 0.7
SECONDS = 30.0  # for sixty digits; the recipe needs a fifth of a second, a loop over pixels may take its time
ON_DIGITS = 0.15  # pixels, mean difference; honest ways reach 0.084, measuring without enlarging 0.29
WANTED = "the mean width of the strokes, in pixels of the image that was handed over"


def widths(submission, images, what):
    """The submission's answers, finite numbers all; `what` names the images in messages."""
    called = f"stroke_width(image) of {what}"
    answer = submission.ask("strokes", called, wanted="one number", images=images, seconds=SECONDS)
    if not all(math.isfinite(width) for width in answer["widths"]):
        raise Failure(
            called, "a width that is no finite number", "a finite number of pixels", "Is an average of nothing taken?"
        )
    return called, answer["widths"]


@pytest.mark.core
@pytest.mark.points(6)
def test_bars(submission):
    """The width of a bar is its width, standing or lying, wherever it is."""
    bars = [(width, *place) for width in (2, 3, 4, 5, 6) for place in ((9, 22, False), (13, 20, True))]
    images = torch.stack([inputs.bar(width, at, length, lying=lying) for width, at, length, lying in bars])
    called, found = widths(submission, images, "a bright bar")
    for (width, *_, lying), got in zip(bars, found, strict=True):
        if not abs(got - width) <= EXACT:
            bar = f"{called}, {'lying' if lying else 'standing'}, {width} pixels wide"
            raise Failure(bar, f"{got:.2f}", WANTED, _hint([bar[0] for bar in bars], found))


def _hint(wanted, found):
    """What the five bars have in common."""
    ratios = [got / width for got, width in zip(found, wanted, strict=True)]
    for ratio, hint in (
        (0.5, "A distance reaches from the middle of a stroke to one of its edges. How far is it to the other one?"),
        (4.0, "A width in the enlarged image counts its smaller pixels."),
        (2.0, "Right but for a scale. Which two scales lie between the distance and the width?"),
        (0.25, "Right but for a scale. Which two scales lie between the distance and the width?"),
    ):
        if all(abs(found / ratio - 1) < 0.1 for found in ratios):
            return hint
    return None


@pytest.mark.points(3)
def test_average(submission):
    """Two bars of different width: the mean along both of their middle lines."""
    image = torch.maximum(inputs.bar(2, 4, 22), inputs.bar(6, 16, 11))[None]
    called, found = widths(submission, image, "a long bar of 2 pixels beside a short one of 6")
    wanted = inputs.reference_width(image[0])
    if not abs(found[0] - wanted) <= ON_AVERAGE:
        relation = "large" if found[0] > wanted else "small"
        hint = "Every point of the middle lines counts once, whichever stroke it belongs to."
        raise Failure(called, f"{found[0]:.2f}, too {relation}", WANTED, hint)


@pytest.mark.core
@pytest.mark.points(5)
def test_digits(submission):
    """On real digits, the widths agree with the recipe."""
    called, found = widths(submission, inputs.few_digits(), "60 real digits, one by one")
    wanted = measure.shipped()[1][: len(found)].tolist()
    differences = [got - width for got, width in zip(found, wanted, strict=True)]
    mean = sum(map(abs, differences)) / len(differences)
    if not mean <= ON_DIGITS:
        relation = "wide" if sum(differences) > 0 else "narrow"
        raise Failure(
            called,
            f"widths that are off by {mean:.2f} pixels in the mean, mostly too {relation}",
            "the widths that the handout's recipe gives",
            "Compare with the recipe step by step: how much it enlarges, what it counts as ink, where it measures.",
        )


@pytest.mark.points(2)
def test_contrast(submission):
    """A bar is as wide on grey as on black, and as wide when it is darker: its own image says what is ink."""
    for paper, brightest in ((0.0, 0.55), (0.4, 1.0), (0.3, 0.6)):
        images = torch.stack([paper + (brightest - paper) * inputs.bar(width, 9, 22) for width in (3, 5)])
        called, found = widths(submission, images, f"a bar of brightness {brightest:g} on {paper:g}")
        for width, got in zip((3, 5), found, strict=True):
            if not abs(got - width) <= EXACT:
                hint = "By the recipe, what counts as ink depends on two values of the image at hand. Which ones?"
                raise Failure(f"{called}, {width} pixels wide", f"{got:.2f}", WANTED, hint)


@pytest.mark.points(3)
def test_nothing_to_see(submission):
    """Black, faint and evenly grey images have no strokes: 0.0."""
    faint = inputs.few_digits()[0] * 0.3
    images = torch.stack([torch.zeros(28, 28), faint, torch.full((28, 28), 0.8)])
    called = "stroke_width(image) of"
    found = submission.ask("strokes", f"{called} images without strokes", wanted="one number", images=images)["widths"]
    for name, width in zip(("a black image", "a faint digit", "an evenly grey image"), found, strict=True):
        if width != 0:
            hint = "Which two questions does the handout ask before anything is measured?"
            raise Failure(f"{called} {name}", f"{width:.2f}", "0.0, for there are no strokes", hint)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The image is left as it came, also where there is nothing to measure."""
    images = torch.cat([inputs.few_digits()[:2], 0.3 * inputs.few_digits()[:1]])
    called = "stroke_width(image) of a real digit"
    answer = submission.ask("strokes", called, wanted="one number", images=images)
    if not close(answer["images_after"], images, 1e-6):
        raise Failure(
            called, "image was overwritten", "an image that is left as it came", "The caller still needs the image."
        )
