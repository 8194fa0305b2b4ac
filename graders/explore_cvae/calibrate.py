"""Calibrate the task on Fashion-MNIST: `python -m graders.explore_cvae.calibrate > CALIBRATION.md`.

The submission's own loop trains. Takes three minutes on one core.
"""

import torch
import torch.nn.functional as F

from cvaekit.kit import SHIPPED, Kit
from graders.cvae import calibration, images, scoring
from graders.cvae.images import Digits
from graders.explore_cvae import probes
from graders.explore_cvae.settings import Run


def reached(source: str, clothes: Digits, run: Run, seed: int) -> tuple[float, float]:
    """Nats and KL of one run."""
    torch.manual_seed(seed)
    start = scoring.start(lambda: probes.Model(run.latent_dim))
    module, sizes = calibration.execute(source), (run.epochs, run.batch, run.learning_rate)
    answer = probes.train_model(module, clothes.train_images, clothes.train_labels, start, *sizes)
    model = scoring.loaded(lambda: probes.Model(run.latent_dim), answer["weights"])
    assert model is not None  # the loop of a trusted submission leaves the model's layers as they are
    return scoring.nats_and_kl(model, clothes.test_images, [F.one_hot(clothes.test_labels, 10).float()])


def main() -> None:
    torch.set_num_threads(1)
    assignment, clothes = Kit(SHIPPED).assignment("explore_cvae"), images.shipped("FashionMNIST")
    run = assignment.setting("training", Run)
    note = (
        f"{run.epochs} epochs of {len(clothes.train_images):,} images, Adam at {run.learning_rate}, "
        f"batches of {run.batch}, {run.latent_dim} latent units."
    )
    calibration.head("Calibration of the task on Fashion-MNIST", "python -m graders.explore_cvae.calibrate", [note])
    for what, source, seeds in calibration.sources(assignment, task="fashion"):
        calibration.row(what, [reached(source, clothes, run, seed) for seed in range(seeds)])
    calibration.foot(run, clothes)


if __name__ == "__main__":
    main()
