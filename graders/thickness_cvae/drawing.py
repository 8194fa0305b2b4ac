"""Measure the strokes that a trained model draws."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.thickness_cvae.thickness import stroke_width


@torch.no_grad()
def drawn_widths(model: Any, latent_dim: int, samples: int) -> Tensor:
    """Mean width of the strokes that the model draws for each digit and thickness, in pixels: (10, 3).

    The same `samples` latent codes of the prior, from a seed of the grader's, for all thirty. Images without visible
    strokes are left out; a cell that has no others is 0.
    """
    codes = torch.randn(samples, latent_dim, generator=torch.Generator().manual_seed(1))
    means = torch.zeros(10, 3)
    for digit in range(10):
        for thickness in range(3):
            asked = F.one_hot(torch.tensor([digit] * samples), 10).float()
            drawn = model.decode(codes, asked, F.one_hot(torch.tensor([thickness] * samples), 3).float())
            widths = [width for image in drawn.reshape(-1, 28, 28) if (width := stroke_width(image)) > 0]
            means[digit, thickness] = sum(widths) / max(1, len(widths))
    return means
