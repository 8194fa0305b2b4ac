"""Calibrate the training task of the Challenge: `python -m graders.thickness_cvae.calibrate > CALIBRATION.md`.

The strokes must get thicker with a margin in every run. Takes five minutes on one core.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

from cvaekit.kit import SHIPPED, Kit
from graders.cvae import calibration, images, scoring
from graders.thickness_cvae import drawing, measure
from graders.thickness_cvae.network import NETWORK
from graders.thickness_cvae.settings import DrawingRun

NOTES = """
A *step* is how much the mean stroke width of a digit grows from thin to medium, or from medium to thick, in {} images
each, in pixels. *Least step* is the smallest over all digits and seeds; *margin* is the mean of a step over the seeds
in its own standard deviations, for the digit where that is smallest.
"""


def reached(source: str, run: DrawingRun, seed: int) -> tuple[float, float, Tensor]:
    """Nats, KL, and drawn widths (10, 3) of one run."""
    kit, (train, test) = images.shipped(), measure.classes()
    model = calibration.trained(NETWORK, run, source, seed, kit.train_images, [kit.train_labels, train])
    onehots = [F.one_hot(kit.test_labels, 10).float(), F.one_hot(test, 3).float()]
    nats, kl = scoring.nats_and_kl(model, kit.test_images, onehots)
    return nats, kl, drawing.drawn_widths(model, run.latent_dim, run.samples)


def main() -> None:
    torch.set_num_threads(1)
    assignment = Kit(SHIPPED).assignment("thickness_cvae")
    run = assignment.setting("training", DrawingRun)
    note = f"{run.steps} steps of Adam at {run.learning_rate}, batches of {run.batch}, {run.latent_dim} latent units."
    notes = [note, NOTES.format(run.samples).rstrip()]
    command = "python -m graders.thickness_cvae.calibrate"
    calibration.head("Calibration of the training task", command, notes, end=["least step", "margin"])
    for what, source, seeds in calibration.sources(assignment, task="training"):
        runs = [reached(source, run, seed) for seed in range(seeds)]
        steps = torch.stack([widths for _, _, widths in runs]).diff(dim=2)  # (seeds, 10, 2)
        margin = float((steps.mean(0) / steps.std(0)).min())
        ends = [f"{float(steps.min()):.2f}", f"{margin:.1f}"]
        calibration.row(what, [(nats, kl) for nats, kl, _ in runs], end=ends)
    calibration.foot(run)


if __name__ == "__main__":
    main()
