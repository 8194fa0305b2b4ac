"""Inputs for the checks, and the reference to compare with. Sizes never coincide, so that a swapped axis shows."""

import math
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from graders import digits
from graders.checks.values import close as close  # the checks find both beside their inputs
from graders.conditional_vae.inputs import shape_of as shape_of
from reference.thickness_cvae.thickness import ThicknessCVAE, stroke_width

ENCODER = ("encoder_fc1", "encoder_fc2", "fc_mu", "fc_logvar")
DECODER = ("decoder_fc1", "decoder_fc2", "decoder_fc3")
CONDITIONS = 10 + 3


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


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
    return digits.read(digits.SHIPPED).test_images[:60].float().div(255).reshape(-1, 28, 28)


def widths(count: int, seed: int) -> Tensor:
    """Widths as digits have them, no two alike: (count,) float64."""
    drawn = 1.2 + torch.rand(count, generator=generator(seed), dtype=torch.float64).pow(2) * 3.5
    return drawn + torch.arange(count, dtype=torch.float64) * 1e-6


def rows(method: str, batch: int, latent_dim: int, seed: int) -> Tensor:
    """What `encode` or `decode` is given first: images (batch, 784) or codes (batch, latent_dim)."""
    if method == "decode":
        return torch.randn(batch, latent_dim, generator=generator(seed))
    return (torch.rand(batch, 784, generator=generator(seed)) - 0.6).clamp(min=0) / 0.4


def conditions(batch: int, seed: int) -> tuple[Tensor, Tensor]:
    """One-hot digits (batch, 10) and thicknesses (batch, 3)."""
    drawn = [torch.randint(count, (batch,), generator=generator(seed + count)) for count in (10, 3)]
    return F.one_hot(drawn[0], 10).float(), F.one_hot(drawn[1], 3).float()


@cache
def blank(latent_dim: int) -> ThicknessCVAE:
    """The reference without values, for its names and shapes."""
    with torch.device("meta"):
        return ThicknessCVAE(latent_dim)


@cache
def weights(names: tuple[str, ...], latent_dim: int) -> dict[str, Tensor]:
    """Random weights for the layers `names`; the conditions weigh as much in the output as the image."""
    source, shapes, drawn = generator(3 + latent_dim), blank(latent_dim).state_dict(), {}
    for name in names:
        outputs, inputs = shapes[f"{name}.weight"].shape
        drawn[f"{name}.weight"] = torch.randn(outputs, inputs, generator=source) * math.sqrt(2 / inputs)
        drawn[f"{name}.bias"] = torch.randn(outputs, generator=source) * 0.1
        if name in ("encoder_fc1", "decoder_fc1"):
            drawn[f"{name}.weight"][:, -CONDITIONS:] *= 4
    return drawn


@cache
def reference(names: tuple[str, ...], latent_dim: int) -> ThicknessCVAE:
    """The reference model with random weights in the layers `names`; the other layers have none."""
    with torch.device("meta"):
        model = ThicknessCVAE(latent_dim)
    model.load_state_dict(weights(names, latent_dim), strict=False, assign=True)
    return model.requires_grad_()
