"""Task tercile_cuts: a third of the widths on each side, whatever the widths are."""

import math

import pytest

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.thickness_cvae import inputs


def cuts(submission, widths):
    """What the submission was called with, and its two cuts."""
    called = f"tercile_cuts(widths) of {len(widths)} widths"
    found = submission.ask("cuts", called, wanted="two numbers, the smaller one first", widths=widths)["cuts"]
    if not all(map(math.isfinite, found)):
        raise Failure(called, "a cut that is no finite number", "two finite widths")
    return called, found


def thirds(submission, widths):
    """The three classes hold equally many widths; one or two more or less is a matter of definition."""
    called, (low, high) = cuts(submission, widths)
    wanted = "cuts that leave equally many widths below, between and above them"
    if low > high:
        raise Failure(called, "the larger cut first", wanted, "The smaller cut comes first.")
    counts = [int((widths < low).sum()), int(((widths > low) & (widths < high)).sum()), int((widths > high).sum())]
    if max(abs(count - len(widths) / 3) for count in counts) > 2:
        got = f"{counts[0]} widths below the first cut, {counts[1]} between, {counts[2]} above"
        raise Failure(called, got, wanted)


@pytest.mark.core
@pytest.mark.points(4)
def test_thirds(submission):
    """Each class holds a third of the widths."""
    thirds(submission, inputs.widths(3000, 31))


@pytest.mark.core
@pytest.mark.points(3)
def test_any_widths(submission):
    """Other images, other cuts: strokes of a thick pen, a handful, and widths that many images share."""
    thirds(submission, 4 + 2 * inputs.widths(301, 37))
    thirds(submission, inputs.widths(50, 41))
    thirds(submission, inputs.shared_widths(900, 79))


@pytest.mark.points(2)
def test_any_order(submission):
    """The order of the images does not matter."""
    widths = inputs.widths(300, 43)
    called, found = cuts(submission, widths)
    _, turned = cuts(submission, widths.flip(0).roll(50))
    if not all(math.isclose(one, other, abs_tol=1e-6) for one, other in zip(found, turned, strict=True)):
        raise Failure(
            f"{called}, and of the same widths in another order",
            "other cuts",
            "the same cuts",
            "Images come in no order of thickness. What has to happen before anything can be counted off?",
        )


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The widths are left as they came, in their order."""
    widths = inputs.widths(60, 47)
    called = "tercile_cuts(widths) of 60 widths"
    after = submission.ask("cuts", called, wanted="two numbers, the smaller one first", widths=widths)["widths_after"]
    if not close(after, widths, 1e-9):
        hint = "The order of the widths says which image each belongs to."
        raise Failure(called, "widths were overwritten", "widths that are left as they came", hint)
