"""Score trained weights with a model of the grader's: what a submission says of its own loss plays no part."""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from graders.cvae.probes import negative_elbo

Weights = dict[str, Tensor]


def start(make: Callable[[], nn.Module]) -> Weights:
    """The weights from which every training run starts, by name: torch's own, from one seed."""
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(1)
        return make().state_dict()


def loaded(make: Callable[[], nn.Module], weights: Weights) -> nn.Module | None:
    """A model with `weights`; None when names or shapes are not the model's, or the numbers no float32."""
    with torch.device("meta"):
        wanted = {name: (p.shape, p.dtype) for name, p in make().named_parameters()}
    if {name: (tensor.shape, tensor.dtype) for name, tensor in weights.items()} != wanted:
        return None
    model = make()
    model.load_state_dict(weights)
    return model


@torch.no_grad()
def nats_and_kl(model: Any, images: Tensor, conditions: Sequence[Tensor], seed: int = 0) -> tuple[float, float]:
    """Negative ELBO and its KL part, nats per image.

    images: (n, 784) uint8; conditions: one-hot float32 (n, width) each. One sample of the code per image, from a seed
    of the grader's. Infinite where the weights have blown up.
    """
    x = images.float() / 255
    mu, logvar = model.encode(x, *conditions)
    noise = torch.randn(mu.shape, generator=torch.Generator().manual_seed(seed))
    reconstruction = model.decode(mu + torch.exp(0.5 * logvar) * noise, *conditions)
    if not torch.isfinite(reconstruction).all():
        return math.inf, math.inf
    total = negative_elbo(reconstruction, x, mu, logvar)
    kl = total - F.binary_cross_entropy(reconstruction, x, reduction="sum")
    return float(total) / len(x), float(kl) / len(x)
