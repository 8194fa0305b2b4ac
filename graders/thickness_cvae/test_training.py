"""Task training: a short run on real digits and thicknesses; the grader scores and draws with the trained weights."""

from functools import lru_cache

import pytest

from graders import digits
from graders.checks import training
from graders.checks.failure import Failure
from graders.thickness_cvae import measure, score

SECONDS = 60.0  # an honest run needs about five
SEED = 7


@lru_cache(maxsize=1)  # both checks judge the same run
def trained(submission):
    """What was called, and the reference's model with the weights that came back."""
    limits = submission.grading.manifest.settings["training"]
    called = f"a training run of {limits['steps']} steps on real digits and their thicknesses"
    kit = digits.read(digits.SHIPPED)  # whose widths are known, whatever other digits there are
    answer = submission.ask(
        "train",
        called,
        wanted="a model that trains",
        seconds=SECONDS,
        seed=SEED,
        images=kit.train_images,
        digits=kit.train_labels,
        thicknesses=measure.classes()[0],
        start=score.start(limits["latent_dim"]),
        latent_dim=limits["latent_dim"],
        steps=limits["steps"],
        batch=limits["batch"],
        learning_rate=limits["learning_rate"],
    )
    if answer["steps"] < limits["steps"]:
        got = f"the loss was no finite number after {answer['steps']} steps"
        raise Failure(called, got, "a loss that falls and stays finite")
    model = score.model(answer["weights"], limits["latent_dim"])
    if model is None:
        raise Failure(called, "a model with other parameters than the starter's", "the starter's parameters, trained")
    return called, model


@pytest.mark.points(8)
def test_learns(submission):
    """After a short run the weights describe unseen digits well, and through the latent code."""
    limits, kit = submission.grading.manifest.settings["training"], digits.read(digits.SHIPPED)
    called, model = trained(submission)
    nats, kl = score.negative_elbo(model, kit.test_images, kit.test_labels, measure.classes()[1])
    hint = "The loss falls furthest when both halves hear both conditions, and the code carries the rest."
    training.judge(submission, called, nats, kl, limits["steps"], hint)


@pytest.mark.points(12)
def test_strokes(submission):
    """Of every digit, what is drawn gets thicker from thin to medium to thick."""
    limits = submission.grading.manifest.settings["training"]
    called, model = trained(submission)
    for digit, widths in enumerate(score.drawn_widths(model, limits["samples"]).tolist()):
        if not widths[0] < widths[1] < widths[2]:
            raise Failure(
                f"{called}; then {limits['samples']} images of the digit {digit}, each thin, medium and thick",
                "strokes of {:.2f}, {:.2f} and {:.2f} pixels".format(*widths),
                "strokes that get thicker each time",
            )
