"""Score weights that a submission's loop has trained: what it says of its own loss plays no part."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from graders.explore_cvae.probes import Model


def start(latent_dim: int) -> dict[str, Tensor]:
    """The weights from which every training run starts, by name: torch's own, from one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        return Model(latent_dim).state_dict()


@torch.no_grad()
def negative_elbo(weights: dict[str, Tensor], images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Negative ELBO and its KL part, nats per image. images: (n, 784) uint8; labels: (n,) int64.

    One sample of the code per image, from a seed of the grader's. Infinite where the weights have blown up, or are not
    the model's: they are what a probe returned, and a probe runs beside a student's code.
    """
    model = Model(weights["fc_mu.bias"].shape[0] if "fc_mu.bias" in weights else 1)
    if {name: w.shape for name, w in weights.items()} != {name: p.shape for name, p in model.named_parameters()}:
        return math.inf, math.inf
    model.load_state_dict(weights)
    x, y = images.float() / 255, F.one_hot(labels, 10).float()
    mu, logvar = model.encode(x, y)
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
    reconstruction = model.decode(mu + torch.exp(0.5 * logvar) * noise, y)
    if not torch.isfinite(reconstruction).all():
        return math.inf, math.inf
    loss = F.binary_cross_entropy(reconstruction, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return float(loss + kl) / len(x), float(kl) / len(x)
