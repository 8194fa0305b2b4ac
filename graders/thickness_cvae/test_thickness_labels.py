"""Task thickness_labels: 0, 1 and 2 from thin to thick, by the cuts that are handed over."""

import pytest
import torch

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.cvae.network import shape_of
from graders.thickness_cvae import inputs

NAMES = ("thin", "medium", "thick")
WANTED = "for every width the number of its class: 0 for thin, 1 for medium, 2 for thick"


def labels(submission, widths, cuts):
    """What the submission was called with, and its labels, one whole number for each width."""
    called = f"thickness_labels(widths, ({cuts[0]:g}, {cuts[1]:g})) of {len(widths)} widths"
    found = submission.ask("labels", called, wanted="labels of shape (n,)", widths=widths, cuts=list(cuts))["labels"]
    if found.shape != widths.shape or found.is_floating_point() or found.is_complex():
        raise Failure(called, shape_of(found), "whole numbers, one for each width")
    return called, found.long()


def compare(submission, widths, cuts):
    """The labels are the reference's. No width of ours lies on a cut: on which side that belongs is not graded."""
    called, found = labels(submission, widths, cuts)
    wanted = (widths > cuts[0]).long() + (widths > cuts[1]).long()
    for width, got, label in zip(widths.tolist(), found.tolist(), wanted.tolist(), strict=True):
        if got != label:
            raise Failure(called, f"{got} for a {NAMES[label]} width of {width:.2f}", WANTED)


@pytest.mark.core
@pytest.mark.points(5)
def test_classes(submission):
    """Every width gets the number of its class."""
    compare(submission, inputs.widths(400, 53), (2.0, 3.0))


@pytest.mark.points(2)
def test_cuts_as_given(submission):
    """The cuts are the ones handed over, also for other images than those they were made from."""
    compare(submission, inputs.widths(90, 59), (1.4, 1.9))
    compare(submission, inputs.widths(1, 61), (2.5, 4.0))
    compare(submission, 6 + inputs.widths(5, 67), (2.0, 3.0))


@pytest.mark.points(2)
def test_int64(submission):
    """The labels are int64, as one_hot wants them."""
    widths = inputs.widths(9, 71)
    called = "thickness_labels(widths, (2, 3)) of 9 widths"
    found = submission.ask("labels", called, wanted="labels of shape (n,)", widths=widths, cuts=[2.0, 3.0])["labels"]
    if found.dtype != torch.int64 or found.shape != widths.shape:
        hint = "The labels are made into one-hot rows later; which number type does that take?"
        raise Failure(called, shape_of(found), "an int64 tensor, one label for each width", hint)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The widths are left as they came."""
    widths = inputs.widths(60, 73)
    called = "thickness_labels(widths, (2, 3)) of 60 widths"
    answer = submission.ask("labels", called, wanted="labels of shape (n,)", widths=widths, cuts=[2.0, 3.0])
    if not close(answer["widths_after"], widths, 1e-9):
        raise Failure(
            called, "widths were overwritten", "widths that are left as they came", "The caller still needs the widths."
        )
