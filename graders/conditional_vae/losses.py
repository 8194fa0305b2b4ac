"""Take `cvae_loss` apart from outside, so that one wrong term costs only its own task.

The loss is one number L = R(reconstruction, original) + K(mu, logvar). Whatever K is, it cancels from differences in
which mu and logvar stay; whatever R is, it cancels where reconstruction and original stay. What is left is a constant,
and it belongs to K where it grows with the latent size, to R where it does not.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from graders.checks.asking import Asker
from graders.conditional_vae import inputs

Arguments = tuple[Tensor, Tensor, Tensor, Tensor]


def call(arguments: Arguments) -> str:
    batch, latent_dim = arguments[2].shape
    images = "1 image" if batch == 1 else f"{batch} images"
    return f"cvae_loss(reconstruction, original, mu, logvar) with {images} and {latent_dim} latent units"


def ask(submission: Asker, arguments: Arguments) -> Any:
    """The loss of one batch: value, shape and gradients."""
    reconstruction, original, mu, logvar = arguments
    return submission.ask(
        "loss",
        call(arguments),
        wanted="one number, as a tensor",
        reconstruction=reconstruction,
        original=original,
        mu=mu,
        logvar=logvar,
    )


def at_prior(arguments: Arguments, latent_dim: int | None = None) -> Arguments:
    """The same images, with mu = logvar = 0 for `latent_dim` units."""
    reconstruction, original, mu, _ = arguments
    zeros = torch.zeros(len(mu), latent_dim or mu.shape[1])
    return reconstruction, original, zeros, zeros.clone()


def reconstruction_term(submission: Asker, arguments: Arguments) -> float:
    """R of the submission: the loss at the prior, continued in a straight line to no latent units at all."""
    few, many = 3, 9
    low = ask(submission, at_prior(arguments, few))["value"]
    high = ask(submission, at_prior(arguments, many))["value"]
    return float(low - few * (high - low) / (many - few))


def kl_term(submission: Asker, arguments: Arguments) -> float:
    """K of the submission, up to its value at the prior."""
    return float(ask(submission, arguments)["value"] - ask(submission, at_prior(arguments))["value"])


def reference_reconstruction(arguments: Arguments) -> float:
    """Binary cross entropy summed over images and pixels, nats, in float64."""
    reconstruction, original, _, _ = arguments
    return float(F.binary_cross_entropy(reconstruction.double(), original.double(), reduction="sum"))


def reference_kl(arguments: Arguments) -> float:
    """Closed form summed over images and units, nats, in float64 (Kingma and Welling 2014, appendix B)."""
    mu, logvar = arguments[2].double(), arguments[3].double()
    return float(0.5 * (mu.square() + logvar.exp() - 1 - logvar).sum())


def example(batch: int, latent_dim: int, seed: int) -> Arguments:
    return inputs.loss_inputs(batch, latent_dim, seed)
