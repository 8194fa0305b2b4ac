from __future__ import annotations

import dataclasses
import sys
import typing as t
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from beartype import beartype
from jaxtyping import Float, Int64
from loguru import logger
from torch import Tensor

logger.add("explore_{time}.log", rotation="1 MB")
logger.info("python {}", sys.version)


class Decoder(t.Protocol):
    latent_dim: int

    def decode(self, z: Float[Tensor, "n latent"], labels_onehot: Float[Tensor, "n 10"]) -> Float[Tensor, "n 784"]: ...


@dataclasses.dataclass
class Terms:
    reconstruction: float
    kl: float


def nats_per_image(
    reconstruction: Float[Tensor, "n 784"], images: Float[Tensor, "n 784"], mu: Tensor, logvar: Tensor
) -> tuple[float, float]:
    terms = Terms(
        float(F.binary_cross_entropy(reconstruction, images, reduction="sum") / len(images)),
        float(kl_per_unit(mu, logvar).sum()),
    )
    return dataclasses.astuple(terms)


def kl_per_unit(mu: Float[Tensor, "n latent"], logvar: Float[Tensor, "n latent"]) -> Float[Tensor, "latent"]:
    return 0.5 * (mu.square() + torch.expm1(logvar) - logvar).mean(dim=0)


def active_units(mu: Float[Tensor, "n latent"], threshold: float = 0.01) -> int:
    return int(mu.var(dim=0).gt(threshold).sum())


@torch.no_grad()
def latent_map(model: Decoder, digit: int, size: int = 9, reach: float = 2.0) -> Float[Tensor, "size size 28 28"]:
    steps = torch.linspace(-reach, reach, size)
    second, first = torch.meshgrid(steps, steps, indexing="ij")
    codes = torch.stack([first.ravel(), second.ravel()], dim=1)
    labels_onehot = F.one_hot(torch.full((size * size,), digit), 10).float()
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)


def compare_sizes(
    train: Callable[[int], t.Any],
    measure: Callable[[t.Any], float],
    sizes: Sequence[int] = (2, 16, 64),
    margin: float = 2.0,
) -> tuple[dict[int, float], int]:
    losses: dict[int, float] = {size: measure(train(size)) for size in sizes}
    best = min(losses.values())
    return losses, min(size for size, loss in losses.items() if loss <= best + margin)


@torch.no_grad()
def even_digits(model: Decoder, count: int) -> Float[Tensor, "count 784"]:
    codes = torch.randn(count, model.latent_dim)
    digits: Int64[Tensor, "count"] = torch.arange(count).remainder(5).mul(2)
    return model.decode(codes, F.one_hot(digits, 10).float())


def enough_epochs(losses: Sequence[float], gain: float = 0.5) -> int:
    best = min(losses)
    return next(i for i, loss in enumerate(losses, 1) if loss <= best + gain)


def train(
    model: torch.nn.Module,
    images: Float[Tensor, "n 784"],
    labels: Int64[Tensor, "n"],
    epochs: int,
    batch_size: int = 64,
    learning_rate: float = 2e-3,
) -> list[float]:
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history: list[float] = []
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch_size):
            x, y = images[chosen], labels[chosen]
            reconstruction, mu, logvar = model(x, y)
            loss = F.binary_cross_entropy(reconstruction, x, reduction="sum")
            loss = loss + 0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        history.append(total / len(images))
    return history


@beartype
def report(losses: dict[int, float]) -> None:
    for size, loss in losses.items():
        logger.info("{:3d}: {:.2f}", size, loss)


report({2: 128.3, 16: 96.0})
