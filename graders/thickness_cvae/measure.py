"""The stroke widths of the kit's digits, measured once and shipped: `python -m graders.thickness_cvae.measure`.

Training needs a thickness for each of 7,000 images, and measuring them takes half a minute. `--check` measures again
and compares. Widths are in pixels, float32, in the order of the kit's files.
"""

import sys
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from graders.cvae import images
from reference.thickness_cvae.thickness import stroke_width, tercile_cuts, thickness_labels

WIDTHS = Path(__file__).parent / "widths.npz"
TOLERANCE = 1e-3  # pixels; other versions of scikit-image round differently


def measured(pictures: Tensor, what: str) -> Tensor:
    """Stroke widths of images (n, 784) uint8: (n,) float32."""
    from rich.progress import track  # grading reads what is shipped, and shows no bar

    rows = track(pictures.float().div(255).reshape(-1, 28, 28), description=what)
    return torch.tensor([stroke_width(image) for image in rows], dtype=torch.float32)


@cache
def shipped() -> tuple[Tensor, Tensor]:
    """Widths of the training and of the held-out images of the kit: (6000,) and (1000,)."""
    with np.load(WIDTHS) as stored:
        return torch.from_numpy(stored["train"]), torch.from_numpy(stored["test"])


@cache
def classes() -> tuple[Tensor, Tensor]:
    """Thickness classes of both, cut at the terciles of the training images: int64."""
    train, test = shipped()
    cuts = tercile_cuts(train)
    return thickness_labels(train, cuts), thickness_labels(test, cuts)


def main(arguments: list[str]) -> int:
    torch.set_num_threads(1)
    kit = images.shipped()
    train, test = measured(kit.train_images, "training images"), measured(kit.test_images, "held-out images")
    if arguments != ["--check"]:
        np.savez_compressed(WIDTHS, train=train.numpy(), test=test.numpy())
        return 0
    largest = max(float((new - old).abs().max()) for new, old in zip((train, test), shipped(), strict=True))
    print(f"largest difference from {WIDTHS.name}: {largest:.1e} pixels")
    return int(largest > TOLERANCE)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
