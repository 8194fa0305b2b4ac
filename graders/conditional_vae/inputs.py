"""Inputs for the checks, and the reference to compare with. Sizes never coincide, so that a swapped axis shows."""

import math
from functools import cache

import torch
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from torch import Tensor

from graders.checks.values import close as close  # the checks find it beside their inputs
from reference.conditional_vae.cvae import SimpleCVAE

# One profile for every property: the same examples in every run, and no clock. Shrinking would only repeat a
# question that the submission has answered wrongly already.
PROFILE = settings(
    derandomize=True,
    deadline=None,
    database=None,
    max_examples=5,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)

BATCHES = st.sampled_from([1, 3, 4, 7, 23, 37])
LATENTS = st.sampled_from([2, 5, 12, 19])  # none of them equal to a batch size, or to the ten classes
SEEDS = st.sampled_from(range(1000, 2000))

ENCODER = ("encoder_fc1", "encoder_fc2", "fc_mu", "fc_logvar")
DECODER = ("decoder_fc1", "decoder_fc2", "decoder_fc3")


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(batch: int, seed: int) -> Tensor:
    """(batch, 784) in [0, 1], mostly black as digits are."""
    noise = torch.rand(batch, 784, generator=generator(seed))
    return (noise - 0.6).clamp(min=0) / 0.4


def labels(batch: int, seed: int) -> Tensor:
    """(batch, 10) one-hot float32."""
    return torch.eye(10)[torch.randint(10, (batch,), generator=generator(seed + 1))]


def codes(batch: int, latent_dim: int, seed: int, scale: float = 1.0) -> Tensor:
    """(batch, latent_dim) of both signs."""
    return scale * torch.randn(batch, latent_dim, generator=generator(seed + 2))


@cache
def weights(names: tuple[str, ...], latent_dim: int) -> dict[str, Tensor]:
    """Random weights for the layers `names`, wide enough that the label weighs as much in the output as the image."""
    source = generator(3 + latent_dim)
    drawn = {}
    shapes = {name: tensor.shape for name, tensor in blank(latent_dim).state_dict().items()}
    for name in names:
        outputs, inputs = shapes[f"{name}.weight"]
        drawn[f"{name}.weight"] = torch.randn(outputs, inputs, generator=source) * math.sqrt(2 / inputs)
        drawn[f"{name}.bias"] = torch.randn(outputs, generator=source) * 0.1
        if name in ("encoder_fc1", "decoder_fc1"):
            drawn[f"{name}.weight"][:, -10:] *= 4  # ten label columns among hundreds would drown otherwise
    return drawn


@cache
def blank(latent_dim: int) -> SimpleCVAE:
    """The reference without values, for its names and shapes."""
    with torch.device("meta"):
        return SimpleCVAE(latent_dim)


@cache
def reference(names: tuple[str, ...], latent_dim: int) -> SimpleCVAE:
    """The reference model with random weights in the layers `names`; the other layers have none."""
    with torch.device("meta"):  # drawing start weights that are overwritten at once takes most of the time
        model = SimpleCVAE(latent_dim)
    model.load_state_dict(weights(names, latent_dim), strict=False, assign=True)
    return model.requires_grad_()


def loss_inputs(batch: int, latent_dim: int, seed: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """reconstruction, original: (batch, 784) with the reconstruction in [0.02, 0.98]; mu, logvar: (batch, latent_dim).

    The reconstruction is close to the original, so that the KL is no small part of the sum.
    """
    original = images(batch, seed)
    guess = original + 0.1 * torch.randn(batch, 784, generator=generator(seed + 4))
    mu = codes(batch, latent_dim, seed, 2.0)
    logvar = (
        2 * torch.rand(batch, latent_dim, generator=generator(seed + 5)) * codes(batch, latent_dim, seed + 6).sign()
    )
    return guess.clamp(0.02, 0.98), original, mu, logvar


def shape_of(value: object) -> str:
    """How a message names a value that came back."""
    if isinstance(value, Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"{len(value)} values: " + ", ".join(shape_of(item) for item in value[:3]) if value else "an empty tuple"
    return "None" if value is None else getattr(value, "description", None) or f"a {type(value).__name__}"
