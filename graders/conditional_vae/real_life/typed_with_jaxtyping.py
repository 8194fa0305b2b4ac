"""A typed conditional VAE."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

PIXELS: Final = 784

Images: TypeAlias = Float[Tensor, "batch 784"]
OneHot: TypeAlias = Float[Tensor, "batch classes"]
Codes: TypeAlias = Float[Tensor, "batch latent"]


@dataclass(frozen=True, slots=True)
class Config:
    latent_dim: int = 16
    num_classes: int = 10
    hidden: tuple[int, int] = (256, 128)
    learning_rate: float = 1.5e-3
    betas: list[float] = field(default_factory=lambda: [0.9, 0.999])


CONFIG = Config()


class Posterior(NamedTuple):
    mu: Codes
    logvar: Codes


class Conditional(Protocol):
    def decode(self, z: Codes, labels_onehot: OneHot) -> Images: ...


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim: int = CONFIG.latent_dim, num_classes: int = CONFIG.num_classes) -> None:
        super().__init__()
        self.latent_dim: int = latent_dim
        self.num_classes: int = num_classes
        first, second = CONFIG.hidden
        self.encoder_fc1 = nn.Linear(PIXELS + num_classes, first)
        self.encoder_fc2 = nn.Linear(first, second)
        self.fc_mu = nn.Linear(second, latent_dim)
        self.fc_logvar = nn.Linear(second, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, second)
        self.decoder_fc2 = nn.Linear(second, first)
        self.decoder_fc3 = nn.Linear(first, PIXELS)

    def encode(self, x: Images, labels_onehot: OneHot) -> Posterior:
        h: Float[Tensor, "batch width"] = torch.cat([x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc1(h))
        h = F.relu(self.encoder_fc2(h))
        return Posterior(self.fc_mu(h), self.fc_logvar(h))

    def reparameterize(self, mu: Codes, logvar: Codes) -> Codes:
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(std)
        return mu + std * epsilon

    def decode(self, z: Codes, labels_onehot: OneHot) -> Images:
        h = torch.cat([z, labels_onehot], dim=1)
        h = F.relu(self.decoder_fc1(h))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x: Images, labels: Int[Tensor, "batch"]) -> tuple[Images, Codes, Codes]:
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction: Images, original: Images, mu: Codes, logvar: Codes) -> Float[Tensor, ""]:
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss


def batches(loader: DataLoader) -> Iterator[tuple[Images, Int[Tensor, "batch"]]]:
    for images, labels in loader:
        yield images.flatten(1), labels


def draw(model: Conditional, digit: int) -> Images:
    return model.decode(torch.randn(1, CONFIG.latent_dim), torch.eye(10)[digit : digit + 1])
