"""Task fashion: the submission's own loop trains a model on Fashion-MNIST; the grader scores the trained weights."""

import math

import pytest

from graders import digits
from graders.checks import training
from graders.explore_cvae import score

SECONDS = 60.0  # an honest run needs about three
SEED = 7


@pytest.mark.points(10)
def test_learns(submission):
    """After a short run the weights describe unseen pieces of clothing well, and through the latent code."""
    limits = submission.grading.manifest.settings["training"]
    clothes = digits.read(digits.SHIPPED, "FashionMNIST")
    called = f"train(model, images, labels, epochs={limits['epochs']}) on Fashion-MNIST"
    answer = submission.ask(
        "train_model",
        called,
        wanted="a model that trains",
        seconds=SECONDS,
        seed=SEED,
        images=clothes.train_images,
        labels=clothes.train_labels,
        start=score.start(limits["latent_dim"]),
        epochs=limits["epochs"],
        batch=limits["batch"],
        learning_rate=limits["learning_rate"],
    )
    nats, kl = score.negative_elbo(answer["weights"], clothes.test_images, clothes.test_labels)
    steps = limits["epochs"] * math.ceil(len(clothes.train_images) / limits["batch"])
    training.judge(submission, called, nats, kl, steps)
