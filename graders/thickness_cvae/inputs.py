"""Images and widths for the checks on stroke widths."""

from functools import cache

import torch
from torch import Tensor

from graders.cvae import images
from graders.cvae.network import generator
from reference.thickness_cvae.thickness import stroke_width


def bar(width: int, at: int, length: int, *, lying: bool = False) -> Tensor:
    """A bright bar on black, `width` pixels thick: (28, 28)."""
    image = torch.zeros(28, 28)
    image[3 : 3 + length, at : at + width] = 1.0
    return image.T.contiguous() if lying else image


def reference_width(image: Tensor) -> float:
    """What the recipe says of an image (28, 28)."""
    return float(stroke_width(image))


@cache
def few_digits() -> Tensor:
    """Sixty held-out digits of the kit: (60, 28, 28) in [0, 1]."""
    return images.shipped().test_images[:60].float().div(255).reshape(-1, 28, 28)


def widths(count: int, seed: int) -> Tensor:
    """Widths as digits have them, no two alike: (count,) float64."""
    drawn = 1.2 + torch.rand(count, generator=generator(seed), dtype=torch.float64).pow(2) * 3.5
    return drawn + torch.arange(count, dtype=torch.float64) * 1e-6


def shared_widths(count: int, seed: int) -> Tensor:
    """Widths of which the thinner fifth comes in a few values only, well below both cuts: (count,) float64."""
    drawn = widths(count, seed).sort().values
    thin = count // 5
    drawn[:thin] = drawn[: thin : thin // 6].repeat_interleave(thin // 6)[:thin]
    return drawn[torch.randperm(count, generator=generator(seed))]
