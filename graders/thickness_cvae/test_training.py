"""Task training: a short run on real digits and thicknesses; the grader scores and draws with the trained weights."""

import pytest
import torch.nn.functional as F

from cvaekit.grading.failure import Failure
from cvaekit.statistics import normality_tests
from graders.cvae import images, noise, scoring, training, whole_model
from graders.thickness_cvae import drawing, measure
from graders.thickness_cvae.network import NETWORK
from graders.thickness_cvae.settings import DrawingRun


@pytest.fixture(scope="module")
def trained(submission):
    """The run's settings, what was called, and the reference's model with the weights that came back."""
    run = submission.assignment.setting("training", DrawingRun)
    called = f"a training run of {run.steps} steps on real digits and their thicknesses"
    kit = images.shipped()  # whose widths are known, whatever other digits there are
    conditions = [kit.train_labels, measure.classes()[0]]
    return run, called, training.train(NETWORK, submission, run, called, kit.train_images, conditions)


@pytest.fixture(scope="module")
def learned(submission, trained):
    """The submission, if its trained weights are within the limits: what is given shows nothing by itself."""
    run, called, model = trained
    kit, thicknesses = images.shipped(), measure.classes()[1]
    conditions = [F.one_hot(kit.test_labels, 10).float(), F.one_hot(thicknesses, 3).float()]
    nats, kl = scoring.nats_and_kl(model, kit.test_images, conditions)
    hint = "The loss falls furthest when both halves hear both conditions, and the code carries the rest."
    training.judge(submission, run, called, nats, kl, hint)
    return submission


@pytest.mark.core
@pytest.mark.points(6)
def test_learns(learned):
    """After a short run the weights describe unseen digits well, and through the latent code."""


@pytest.mark.core
@pytest.mark.points(9)
def test_strokes(trained):
    """Of every digit, what is drawn gets thicker from thin to medium to thick."""
    run, called, model = trained
    for digit, widths in enumerate(drawing.drawn_widths(model, run.latent_dim, run.samples).tolist()):
        if not widths[0] < widths[1] < widths[2]:
            raise Failure(
                f"{called}; then {run.samples} images of the digit {digit}, each thin, medium and thick",
                "strokes of {:.2f}, {:.2f} and {:.2f} pixels".format(*widths),
                "strokes that get thicker each time",
            )


@pytest.mark.points(3)
def test_forward(learned):
    """forward encodes, draws one sample and decodes it, and returns mu and logvar as they are."""
    whole_model.forward_as_given(NETWORK, learned)


@pytest.mark.points(1)
def test_sample(learned):
    """The given sampling step draws from the distribution that mu and logvar describe."""
    noise.judge(noise.sample(NETWORK, learned), normality_tests.TESTS)


@pytest.mark.points(1)
def test_own_weights(learned):
    """A new model can learn from the weights that its constructor gives it."""
    whole_model.fresh_weights(NETWORK, learned)
