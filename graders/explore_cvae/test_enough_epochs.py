"""Task enough_epochs: the first epoch that is nearly as good as the best one."""

import pytest

from cvaekit.grading.failure import Failure

FALLING = [150.2, 128.4, 117.9, 112.0, 108.8, 107.1, 106.2, 105.7, 105.5, 105.4, 105.35, 105.32]
NOISY = [140.0, 121.0, 112.5, 113.4, 108.0, 109.1, 106.3, 107.0, 106.1, 106.2, 106.4, 106.0, 106.7]
CLOTHES = [262.0, 244.6, 241.2, 240.4, 240.1, 239.8, 239.7]
OVERFITTED = [131.0, 118.0, 112.0, 110.2, 110.0, 110.3, 112.5, 114.8]


def compare(submission, losses, right, gain=None):
    more = "" if gain is None else f", gain={gain:g}"
    called = f"enough_epochs(losses{more}) with the losses {', '.join(f'{loss:g}' for loss in losses)}"
    found = submission.ask("enough", called, wanted="a number of epochs", losses=losses, gain=gain)["epochs"]
    if found != right:
        hint = None
        if found == right - 1:
            hint = "The first loss in the list belongs to epoch 1."
        elif 1 <= found <= len(losses) and found > right:
            hint = "Is there an earlier epoch that is nearly as good?"
        wanted = "the first epoch whose loss is at most the gain above the best of the whole run"
        raise Failure(called, f"{found}", wanted, hint)


@pytest.mark.core
@pytest.mark.points(4)
def test_falling(submission):
    """A curve that flattens out."""
    compare(submission, FALLING, 8)
    compare(submission, CLOTHES, 5)
    compare(submission, [99.0], 1)


@pytest.mark.core
@pytest.mark.points(3)
def test_noisy(submission):
    """A curve that goes up and down, or turns: the best epoch need not be the last, nor the first one to rise."""
    compare(submission, OVERFITTED, 4)
    compare(submission, NOISY, 7)


@pytest.mark.points(2)
def test_gain(submission):
    """What counts as nearly is the caller's choice."""
    compare(submission, FALLING, 4, gain=7.0)
    compare(submission, NOISY, 12, gain=0.0)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The losses are left in their order."""
    after = submission.ask("enough", "enough_epochs(losses)", wanted="a number", losses=NOISY)["after"]
    if after != NOISY:
        raise Failure("enough_epochs(losses)", "the list was changed", "a list that is left as it came")
