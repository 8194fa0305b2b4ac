"""Inputs for the checks, and what the formulas give for them."""

import math
from functools import cache

import torch
from torch import Tensor

from graders.cvae.losses import cross_entropy, kl_of_units
from graders.cvae.network import generator


def batch(count: int, latent_dim: int, seed: int) -> list[Tensor]:
    """reconstruction, images: (count, 784), the first in [0.02, 0.98]; mu, logvar: (count, latent_dim)."""
    source = generator(seed)
    images = (torch.rand(count, 784, generator=source) - 0.6).clamp(min=0) / 0.4
    guess = (images + 0.1 * torch.randn(count, 784, generator=source)).clamp(0.02, 0.98)
    mu = torch.randn(count, latent_dim, generator=source) * torch.linspace(0.1, 2, latent_dim)
    logvar = torch.randn(count, latent_dim, generator=source) - 1
    return [guess, images, mu, logvar]


def far(count: int, latent_dim: int, seed: int) -> list[Tensor]:
    """As `batch`, with |mu| up to 20 and logvar from -12 to 8."""
    reconstruction, images, mu, logvar = batch(count, latent_dim, seed)
    mu[0], logvar[0], logvar[1] = torch.linspace(-20, 20, latent_dim), -12, 8
    return [reconstruction, images, mu, logvar]


def terms(inputs: list[Tensor]) -> tuple[float, float]:
    """Reconstruction and KL in nats per image, in double precision."""
    reconstruction, images, _, _ = inputs
    return cross_entropy(reconstruction, images) / len(images), float(units(inputs).sum())


def units(inputs: list[Tensor]) -> Tensor:
    """KL of each unit, averaged over images: (latent_dim,) float64."""
    return kl_of_units(inputs[2], inputs[3]).mean(dim=0)


def means(active: int, asleep: int, count: int, seed: int) -> Tensor:
    """Posterior means of units that vary (deviation 0.11 and more) and of units that hardly do (0.03 to 0.09), in mixed
    order: on both sides of the usual threshold for a variance, 0.01.

    Units asleep rest away from zero, so that their size and their variance differ; (count, active + asleep).
    """
    source = generator(seed)
    deviations = torch.cat([torch.linspace(0.11, 1.6, active), torch.linspace(0.09, 0.03, asleep)])
    centres = torch.cat([torch.zeros(active), torch.full((asleep,), 0.7)])
    drawn = torch.randn(count, active + asleep, generator=source)
    drawn = (drawn - drawn.mean(0)) / drawn.std(0) * deviations + centres
    return drawn[:, torch.randperm(active + asleep, generator=source)]


@cache
def drawing(latent_dim: int) -> dict[str, Tensor]:
    """Random weights of a small decoder in which code and label both matter."""
    source, found = generator(latent_dim), {}
    sizes = {"first": (32, latent_dim + 10), "second": (24, 32), "third": (784, 24)}
    for name, (outputs, width) in sizes.items():
        found[f"{name}.weight"] = torch.randn(outputs, width, generator=source) * math.sqrt(2 / width)
        found[f"{name}.bias"] = torch.randn(outputs, generator=source) * 0.1
    return found


@cache
def telltale() -> dict[str, Tensor]:
    """Weights of a decoder of 16 units whose first ten pixels say which label it was told; see `told`."""
    weights = {name: tensor.clone() for name, tensor in drawing(16).items()}
    for name, source, scale, shift in (("first", 16, 1.0, 0.0), ("second", 0, 1.0, 0.0), ("third", 0, 6.0, -3.0)):
        weights[f"{name}.weight"][:10] = 0
        weights[f"{name}.weight"][:10, source : source + 10] = scale * torch.eye(10)
        weights[f"{name}.bias"][:10] = shift
    return weights


def told(images: Tensor) -> Tensor:
    """The labels by which the decoder of `telltale` drew images (n, 784): (n, 10), as they were handed over."""
    return (torch.logit(images[:, :10].double(), eps=1e-6) + 3) / 6


def drawn(weights: dict[str, Tensor], codes: Tensor, labels_onehot: Tensor) -> Tensor:
    """What a decoder with these weights draws: (n, 784)."""
    h = torch.cat([codes, labels_onehot], dim=1)
    h = (h @ weights["first.weight"].T + weights["first.bias"]).relu()
    h = (h @ weights["second.weight"].T + weights["second.bias"]).relu()
    return (h @ weights["third.weight"].T + weights["third.bias"]).sigmoid()


def map_of(weights: dict[str, Tensor], digit: int, size: int, reach: float) -> Tensor:
    """The map that `latent_map` asks for: (size, size, 28, 28)."""
    steps = torch.linspace(-reach, reach, size)
    codes = torch.stack([steps.repeat(size), steps.repeat_interleave(size)], dim=1)
    labels = torch.eye(10)[torch.full((size * size,), digit)]
    return drawn(weights, codes, labels).reshape(size, size, 28, 28)
