"""Score trained weights with the reference: the bound they reach, and the strokes they draw."""

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from reference.thickness_cvae.thickness import ThicknessCVAE, loss, stroke_width


def start(latent_dim: int) -> dict[str, Tensor]:
    """The weights from which every training run starts, by name: torch's own, from one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        return ThicknessCVAE(latent_dim).state_dict()


def model(weights: dict[str, Tensor], latent_dim: int) -> ThicknessCVAE | None:
    """The reference model with `weights`; None when names or shapes are not the reference's."""
    reference = ThicknessCVAE(latent_dim)
    wanted = {name: parameter.shape for name, parameter in reference.named_parameters()}
    if {name: tensor.shape for name, tensor in weights.items()} != wanted:
        return None
    reference.load_state_dict(weights)
    return reference


@torch.no_grad()
def negative_elbo(model: ThicknessCVAE, images: Tensor, digits: Tensor, thicknesses: Tensor) -> tuple[float, float]:
    """Negative ELBO and its KL part, nats per image. images: (n, 784) uint8; digits, thicknesses: (n,) int64.

    One sample of the code per image, from a seed of the grader's. Infinite where the weights have blown up.
    """
    x = images.float() / 255
    digit, thickness = F.one_hot(digits, 10).float(), F.one_hot(thicknesses, 3).float()
    mu, logvar = model.encode(x, digit, thickness)
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(0))
    reconstruction = model.decode(mu + torch.exp(0.5 * logvar) * noise, digit, thickness)
    if not torch.isfinite(reconstruction).all():
        return math.inf, math.inf
    total = loss(reconstruction, x, mu, logvar)
    kl = total - F.binary_cross_entropy(reconstruction, x, reduction="sum")
    return float(total) / len(x), float(kl) / len(x)


@torch.no_grad()
def drawn_widths(model: ThicknessCVAE, samples: int) -> Tensor:
    """Mean width of the strokes that the model draws for each digit and thickness, in pixels: (10, 3).

    The same `samples` latent codes of the prior, from a seed of the grader's, for all thirty. Images without visible
    strokes are left out; a cell that has no others is 0.
    """
    codes = torch.randn(samples, model.latent_dim, generator=torch.Generator().manual_seed(1))
    means = torch.zeros(10, 3)
    for digit in range(10):
        for thickness in range(3):
            asked = F.one_hot(torch.tensor([digit] * samples), 10).float()
            drawn = model.decode(codes, asked, F.one_hot(torch.tensor([thickness] * samples), 3).float())
            widths = [width for image in drawn.reshape(-1, 28, 28) if (width := stroke_width(image)) > 0]
            means[digit, thickness] = sum(widths) / max(1, len(widths))
    return means
