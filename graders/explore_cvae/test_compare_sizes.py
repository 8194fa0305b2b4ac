"""Task compare_sizes: every size trained and measured once, and the smallest one chosen that is good enough."""

import math

import pytest

from cvaekit.grading.failure import Failure

TYPICAL = {2: 135.2, 16: 105.4, 64: 105.1}  # nats per image


def compared(submission, losses, margin=None, own_sizes=False):
    """What was called, and the answer; `train` and `measure` are the grader's, and take no time."""
    more = "" if margin is None else f", margin={margin:g}"
    called = f"compare_sizes(train, measure{'' if own_sizes else f', sizes={tuple(losses)}'}{more})"
    answer = submission.ask(
        "compared",
        called,
        wanted="a table of losses by size, and a size",
        losses={str(size): loss for size, loss in losses.items()},
        margin=margin,
        own_sizes=own_sizes,
    )
    return called, answer


def choice(submission, losses, right, margin=None):
    called, answer = compared(submission, losses, margin)
    if answer["smallest"] != right:
        told = ", ".join(f"{loss:g} nats with {size}" for size, loss in losses.items())
        raise Failure(
            f"{called}, where the losses are {told}",
            f"{answer['smallest']} was chosen",
            "the smallest size whose loss is at most the margin above the best one",
        )


@pytest.mark.core
@pytest.mark.points(4)
def test_losses(submission):
    """The table holds the measured loss of every size."""
    for losses, own_sizes in ((TYPICAL, False), ({8: 110.0, 3: 125.5}, False), (TYPICAL, True)):
        called, answer = compared(submission, losses, own_sizes=own_sizes)
        found, right = answer["losses"], {str(size): loss for size, loss in losses.items()}
        if set(found) != set(right):
            raise Failure(called, f"a table for the sizes {', '.join(found) or 'none'}", "a row for every size")
        if not all(math.isclose(found[size], right[size], rel_tol=1e-6) for size in right):
            raise Failure(called, "other losses than were measured", "the measured loss of every size")


@pytest.mark.points(2)
def test_once(submission):
    """Training takes minutes: each size is trained once."""
    called, answer = compared(submission, TYPICAL)
    if sorted(answer["trained"]) != sorted(TYPICAL) or sorted(answer["measured"]) != sorted(TYPICAL):
        got = f"trained were {answer['trained']}, measured were {answer['measured']}"
        hint = "Every size takes minutes to train. Is a result kept, or made again?"
        raise Failure(called, got, "each size trained once and measured once", hint)


@pytest.mark.points(4)
def test_choice(submission):
    """The smallest size that is good enough is chosen, whatever their order."""
    choice(submission, {64: 105.1, 16: 105.4, 2: 106.9, 32: 104.9}, 2)
    choice(submission, TYPICAL, 16)
    choice(submission, {2: 135.2, 16: 105.4, 64: 98.0}, 64)
    choice(submission, {4: 118.0, 8: 110.0, 16: 105.4, 32: 105.0}, 8, margin=6.0)
    choice(submission, {5: 103.0, 20: 101.0, 40: 108.0}, 20, margin=0.5)
    # far from 100 nats, where the margin in nats is also a percentage
    choice(submission, {2: 262.4, 16: 243.1, 64: 239.7}, 64)
    choice(submission, {4: 27.9, 12: 26.4, 48: 26.1}, 4)
