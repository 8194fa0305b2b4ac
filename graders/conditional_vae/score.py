"""Score trained weights with the reference: what a submission says of its own loss plays no part."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.conditional_vae.cvae import SimpleCVAE, cvae_loss


def start(latent_dim: int) -> dict[str, Tensor]:
    """The weights from which every training run starts, by name: torch's own, from one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        return SimpleCVAE(latent_dim).state_dict()


def model(weights: dict[str, Tensor], latent_dim: int) -> SimpleCVAE | None:
    """The reference model with `weights`; None when names or shapes are not the reference's."""
    reference = SimpleCVAE(latent_dim)
    wanted = {name: parameter.shape for name, parameter in reference.named_parameters()}
    if {name: tensor.shape for name, tensor in weights.items()} != wanted:
        return None
    reference.load_state_dict(weights)
    return reference


@torch.no_grad()
def negative_elbo(model: SimpleCVAE, images: Tensor, labels: Tensor, seed: int = 0) -> tuple[float, float]:
    """Negative ELBO and its KL part, nats per image. images: (n, 784) uint8, labels: (n,) int64.

    One sample of the code per image, from a seed of the grader's. Infinite where the weights have blown up.
    """
    x, y = images.float() / 255, F.one_hot(labels, 10).float()
    mu, logvar = model.encode(x, y)
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed))
    reconstruction = model.decode(mu + torch.exp(0.5 * logvar) * noise, y)
    if not torch.isfinite(reconstruction).all():
        return math.inf, math.inf
    total = cvae_loss(reconstruction, x, mu, logvar)
    kl = total - F.binary_cross_entropy(reconstruction, x, reduction="sum")
    return float(total) / len(x), float(kl) / len(x)
