"""The two parts of the loss."""

import torch
import torch.nn.functional as F


def reconstruction_term(reconstruction, original):
    return F.binary_cross_entropy(reconstruction, original, reduction="sum")


def kl_term(mu, logvar):
    per_unit = 1 + logvar - mu.pow(2) - logvar.exp()
    return -0.5 * torch.sum(per_unit)


def cvae_loss(reconstruction, original, mu, logvar):
    return reconstruction_term(reconstruction, original) + kl_term(mu, logvar)


# tested with some numbers
_zero = torch.zeros(4, 3)
assert kl_term(_zero, _zero) == 0
