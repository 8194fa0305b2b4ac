"""Calibrate the training task of Exercise 3: `python -m graders.conditional_vae.calibrate > CALIBRATION.md`.

With a folder of full MNIST as argument the reference is trained on that, too. Takes five minutes on one core.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F

from cvaekit.kit import SHIPPED, Kit
from graders.conditional_vae.network import NETWORK
from graders.cvae import calibration, images, scoring
from graders.cvae.images import Digits
from graders.cvae.training import Run

UNUSUAL = ("noise_of_numpy", "kl_in_float64")
DEAD = ("z_detached", "torch_normal_of_mean", "bce_mean")


def reached(source: str, data: Digits, run: Run, seed: int) -> tuple[float, float]:
    """Nats and KL of one run."""
    conditions = [data.train_labels]
    model = calibration.trained(NETWORK, run, source, seed, data.train_images, conditions, "cvae_loss")
    return scoring.nats_and_kl(model, data.test_images, [F.one_hot(data.test_labels, 10).float()])


def main(arguments: list[str]) -> None:
    torch.set_num_threads(1)
    assignment = Kit(SHIPPED).assignment("conditional_vae")
    run, sets = assignment.setting("training", Run), {"kit": images.shipped()}
    if arguments:
        sets["full"] = images.load(Path(arguments[0]))
    command = "python -m graders.conditional_vae.calibrate [FOLDER WITH FULL MNIST]"
    note = f"{run.steps} steps of Adam at {run.learning_rate}, batches of {run.batch}, {run.latent_dim} latent units."
    calibration.head("Calibration of the training task", command, [note], "digits")
    for what, source, seeds in calibration.sources(assignment, (*UNUSUAL, *DEAD)):
        for name, data in sets.items():
            if name == "kit" or what == "reference":
                calibration.row(what, [reached(source, data, run, seed) for seed in range(seeds)], name)
    calibration.foot(run, sets["kit"])


if __name__ == "__main__":
    main(sys.argv[1:])
