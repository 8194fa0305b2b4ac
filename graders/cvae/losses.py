"""The two terms of the loss, and how to take a submission's loss apart from outside.

The loss is one number L = R(reconstruction, original) + K(mu, logvar). Whatever K is, it cancels from differences in
which mu and logvar stay; whatever R is, it cancels where reconstruction and original stay. What is left is a
constant: it belongs to K where it grows with the latent size, to R where it does not. So a wrong term costs its own
task only.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from cvaekit.grading.questions import SubmissionHandle
from graders.cvae.network import codes, generator, images

Arguments = tuple[Tensor, Tensor, Tensor, Tensor]  # reconstruction, original, mu, logvar


def cross_entropy(reconstruction: Tensor, original: Tensor) -> float:
    """Binary cross entropy summed over images and pixels, nats, in float64."""
    return float(F.binary_cross_entropy(reconstruction.double(), original.double(), reduction="sum"))


def kl_of_units(mu: Tensor, logvar: Tensor) -> Tensor:
    """KL of N(mu, exp(logvar)) from N(0, 1), nats, for every image and unit (Kingma and Welling 2014, appendix B)."""
    mu, logvar = mu.double(), logvar.double()
    return 0.5 * (mu.square() + logvar.exp() - 1 - logvar)


def example(batch: int, latent_dim: int, seed: int) -> Arguments:
    """reconstruction, original: (batch, 784) with the reconstruction in [0.02, 0.98]; mu, logvar: (batch, latent_dim).

    The reconstruction is close to the original, so that the KL is no small part of the sum.
    """
    original = images(batch, seed)
    guess = original + 0.1 * torch.randn(batch, 784, generator=generator(seed + 4))
    mu = codes(batch, latent_dim, seed, 2.0)
    sizes = 2 * torch.rand(batch, latent_dim, generator=generator(seed + 5))
    return guess.clamp(0.02, 0.98), original, mu, sizes * codes(batch, latent_dim, seed + 6).sign()


def call(arguments: Arguments) -> str:
    batch, latent_dim = arguments[2].shape
    count = "1 image" if batch == 1 else f"{batch} images"
    return f"cvae_loss(reconstruction, original, mu, logvar) with {count} and {latent_dim} latent units"


def ask(submission: SubmissionHandle, arguments: Arguments) -> Any:
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


def reconstruction_term(submission: SubmissionHandle, arguments: Arguments) -> float:
    """R of the submission: the loss at the prior, continued in a straight line to no latent units at all."""
    few, many = 3, 9
    low = ask(submission, at_prior(arguments, few))["value"]
    high = ask(submission, at_prior(arguments, many))["value"]
    return float(low - few * (high - low) / (many - few))


def kl_term(submission: SubmissionHandle, arguments: Arguments) -> float:
    """K of the submission, up to its value at the prior."""
    return float(ask(submission, arguments)["value"] - ask(submission, at_prior(arguments))["value"])


def reference_reconstruction(arguments: Arguments) -> float:
    """R of the reference, nats, in float64."""
    return cross_entropy(arguments[0], arguments[1])


def reference_kl(arguments: Arguments) -> float:
    """K of the reference, nats, in float64."""
    return float(kl_of_units(arguments[2], arguments[3]).sum())
