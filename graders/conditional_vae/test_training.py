"""Task training: a short run on real digits; the trained weights are scored by the grader, not by the submission."""

import pytest
import torch.nn.functional as F

from graders.conditional_vae.network import NETWORK
from graders.cvae import scoring, training
from graders.cvae.training import Run


@pytest.mark.points(15)
def test_learns(submission):
    """After a short run the weights describe unseen digits well, and through the latent code."""
    run, digits = submission.assignment.setting("training", Run), submission.data
    called = f"a training run of {run.steps} steps on real digits"
    images, labels = digits.train_images, digits.train_labels
    model = training.train(NETWORK, submission, run, called, images, [labels], loss="cvae_loss")
    nats, kl = scoring.nats_and_kl(model, digits.test_images, [F.one_hot(digits.test_labels, 10).float()])
    training.judge(submission, run, called, nats, kl)
