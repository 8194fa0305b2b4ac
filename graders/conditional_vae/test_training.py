"""Task training: a short run on real digits; the trained weights are scored by the grader, not by the submission.

What is given shows nothing by itself: the checks of it count where the model learns.
"""

import pytest
import torch.nn.functional as F

from graders.conditional_vae.network import NETWORK
from graders.cvae import scoring, training, whole_model
from graders.cvae.training import Run


def learn(submission):
    """Train the submission, and hold its weights against the limits; a Failure where they are missed."""
    run, digits = submission.assignment.setting("training", Run), submission.data
    called = f"a training run of {run.steps} steps on real digits"
    images, labels = digits.train_images, digits.train_labels
    model = training.train(NETWORK, submission, run, called, images, [labels], loss="cvae_loss")
    nats, kl = scoring.nats_and_kl(model, digits.test_images, [F.one_hot(digits.test_labels, 10).float()])
    training.judge(submission, run, called, nats, kl)


@pytest.fixture(scope="module")
def learned(submission):
    """The one training run that all checks of this task stand on."""
    learn(submission)
    return submission


@pytest.mark.core
@pytest.mark.points(10)
def test_learns(learned):
    """After a short run the weights describe unseen digits well, and through the latent code."""


@pytest.mark.points(4)
def test_forward(learned):
    """forward encodes, draws one sample and decodes it, and returns mu and logvar as they are."""
    whole_model.forward_as_given(NETWORK, learned)


@pytest.mark.points(1)
def test_own_weights(learned):
    """A new model can learn from the weights that its constructor gives it."""
    whole_model.fresh_weights(NETWORK, learned)
