"""Task fashion: the submission's own loop trains a model on Fashion-MNIST; the grader scores the trained weights."""

import pytest
import torch.nn.functional as F

from cvaekit.grading.failure import Failure
from graders.cvae import images, scoring, training
from graders.explore_cvae.probes import Model
from graders.explore_cvae.settings import Run


@pytest.mark.core
@pytest.mark.points(10)
def test_learns(submission):
    """After a short run the weights describe unseen pieces of clothing well, and through the latent code."""
    run, clothes = submission.assignment.setting("training", Run), images.shipped("FashionMNIST")
    called = f"train(model, images, labels, epochs={run.epochs}) on Fashion-MNIST"
    answer = submission.ask(
        "train_model",
        called,
        wanted="a model that trains",
        seconds=training.SECONDS,
        seed=training.SEED,
        images=clothes.train_images,
        labels=clothes.train_labels,
        start=scoring.start(lambda: Model(run.latent_dim)),
        epochs=run.epochs,
        batch=run.batch,
        learning_rate=run.learning_rate,
    )
    model = scoring.loaded(lambda: Model(run.latent_dim), answer["weights"])
    if model is None:
        raise Failure(called, "a model with other parameters than it was handed", "the same parameters, trained")
    nats, kl = scoring.nats_and_kl(model, clothes.test_images, [F.one_hot(clothes.test_labels, 10).float()])
    training.judge(submission, run, called, nats, kl)
