"""Two trained networks of the grader's: what draws digits for a submission, and what judges the images that it returns.

WEIGHTS.md says how good they are, make_weights.py how they came about.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from graders.explore_cvae.inputs import drawn

WEIGHTS = Path(__file__).parent / "weights.npz"


@cache
def weights(prefix: str) -> dict[str, Tensor]:
    """The weights of one network by name, as float32."""
    with np.load(WEIGHTS) as stored:
        return {
            name.removeprefix(f"{prefix}."): torch.from_numpy(stored[name].astype(np.float32))
            for name in stored
            if name.startswith(f"{prefix}.")
        }


def classifier(images: Tensor) -> Tensor:
    """The digit that each of the images (n, 784) in [0, 1] shows: (n,) int64."""
    network = weights("classifier")
    h = F.linear(images, network["first.weight"], network["first.bias"]).relu()
    return F.linear(h, network["second.weight"], network["second.bias"]).argmax(dim=1)


def decoder(codes: Tensor, labels_onehot: Tensor) -> Tensor:
    """What is drawn from codes (n, 16) and labels (n, 10): (n, 784)."""
    return drawn(weights("decoder"), codes, labels_onehot)
