"""Task latent_map: what a decoder draws from a grid of codes, each picture in its place."""

import pytest

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.cvae.network import shape_of
from graders.explore_cvae import inputs

WANTED = "the first unit growing from left to right, the second from top to bottom"


def compare(submission, digit, size, reach, given=True):
    """With size and reach `given` by the caller, or the starter's own, which these are then."""
    weights = inputs.drawing(2)
    called = f"latent_map(model, {digit}, size={size}, reach={reach:g})" if given else f"latent_map(model, {digit})"
    more = {"size": size, "reach": reach} if given else {}
    found = submission.ask("mapped", called, wanted="pictures, row by row", weights=weights, digit=digit, **more)[
        "images"
    ]
    right = inputs.map_of(weights, digit, size, reach)
    if found.shape != right.shape:
        raise Failure(called, shape_of(found), f"a tensor of shape {tuple(right.shape)}")
    if close(found, right):
        return
    got, hint = "other pictures", None
    if close(found, right.transpose(0, 1)):
        got, hint = "the map lying on its side", "Which unit changes along a row, and which one along a column?"
    elif close(found, right.flip(0)) or close(found, right.flip(1)):
        got, hint = "the map in a mirror", "Where does the map begin: which values has its first picture?"
    elif any(close(found, inputs.map_of(weights, other, size, reach)) for other in range(10) if other != digit):
        got, hint = "the map of another digit", "Which digit is the decoder told to draw?"
    raise Failure(called, got, WANTED, hint)


@pytest.mark.core
@pytest.mark.points(6)
def test_places(submission):
    """Every picture is drawn from the code of its place."""
    compare(submission, 3, 9, 2.0)


@pytest.mark.points(4)
def test_any_map(submission):
    """Digit, size and reach are the caller's choice, and the starter's where the caller makes none."""
    compare(submission, 8, 4, 1.5)
    compare(submission, 0, 6, 3.0)
    compare(submission, 5, 9, 2.0, given=False)
