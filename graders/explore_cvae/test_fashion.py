"""Task fashion: the submission's own loop trains a model on Fashion-MNIST; the grader scores the trained weights."""

import math

import pytest

from graders import digits
from graders.checks.failure import Failure
from graders.explore_cvae import score

SECONDS = 60.0  # an honest run needs about three
SEED = 7
LARGEST = 1e6  # nats; beyond this a report need not tell numbers apart


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
    if not (math.isfinite(nats) and math.isfinite(kl)):
        raise Failure(called, "weights that describe nothing any more", "a loss that falls and stays finite")
    nats, kl = min(nats, LARGEST), min(kl, LARGEST)
    submission.grading.training = {
        "nats": round(nats, 1),
        "kl": round(kl, 1),
        "limit": limits["limit"],
        "steps": limits["epochs"] * math.ceil(len(clothes.train_images) / limits["batch"]),
        "device": "cpu",
    }
    wanted = f"at most {limits['limit']:g} nats per unseen image, and a latent code that carries information"
    if not nats <= limits["limit"]:
        raise Failure(called, f"{nats:.1f} nats per unseen image", wanted)
    if not kl >= limits["kl_floor"]:
        hint = "The decoder works from the label alone; what keeps the code from being used?"
        raise Failure(called, f"a latent code that carries {kl:.1f} nats", wanted, hint)
