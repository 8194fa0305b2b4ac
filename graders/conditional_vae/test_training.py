"""Task training: a short run on real digits; the trained weights are scored by the grader, not by the submission."""

import math

import pytest

from graders.checks.failure import Failure
from graders.conditional_vae import score

SECONDS = 60.0  # an honest run needs about three
SEED = 7
LARGEST = 1e6  # nats; beyond this a report need not tell numbers apart


@pytest.mark.points(15)
def test_learns(submission):
    """After a short run the weights describe unseen digits well, and through the latent code."""
    limits, digits = submission.grading.manifest.settings["training"], submission.grading.data
    called = f"a training run of {limits['steps']} steps on real digits"
    answer = trained(submission, called, limits, digits)
    falling = "a loss that falls and stays finite"
    if answer["steps"] < limits["steps"]:
        raise Failure(called, f"the loss was no finite number after {answer['steps']} steps", falling)
    model = score.model(answer["weights"], limits["latent_dim"])
    if model is None:
        raise Failure(called, "a model with other parameters than the starter's", "the starter's parameters, trained")
    nats, kl = score.negative_elbo(model, digits.test_images, digits.test_labels)
    if not (math.isfinite(nats) and math.isfinite(kl)):
        raise Failure(called, "weights so large that they describe nothing any more", falling)
    nats, kl = min(nats, LARGEST), min(kl, LARGEST)
    submission.grading.training = {
        "nats": round(nats, 1),
        "kl": round(kl, 1),
        "limit": limits["limit"],
        "steps": limits["steps"],
        "device": answer["device"],
    }
    wanted = f"at most {limits['limit']:g} nats per unseen image, and a latent code that carries information"
    if not nats <= limits["limit"]:
        raise Failure(called, f"{nats:.1f} nats per unseen image", wanted)
    if not kl >= limits["kl_floor"]:
        raise Failure(
            called,
            f"a latent code that carries {kl:.1f} nats",
            wanted,
            "The decoder works from the label alone; what keeps the code from being used?",
        )


def trained(submission, called, limits, digits):
    """The probe's answer, from the device that was asked for; from the CPU where the submission knows only that one."""

    def run(device):
        return submission.ask(
            "train",
            called,
            wanted="a model that trains",
            seconds=SECONDS,
            seed=SEED,
            device=device,
            on=device,
            images=digits.train_images,
            labels=digits.train_labels,
            start=score.start(limits["latent_dim"]),
            latent_dim=limits["latent_dim"],
            steps=limits["steps"],
            batch=limits["batch"],
            learning_rate=limits["learning_rate"],
        )

    device = submission.grading.device
    try:
        return run(device)
    except Failure as failure:
        if device == "cpu" or "same device" not in failure.got:
            raise
    submission.note(
        "Some tensor is always made on the CPU, so the model cannot train on a GPU. It was trained here on the CPU."
    )
    return run("cpu")
