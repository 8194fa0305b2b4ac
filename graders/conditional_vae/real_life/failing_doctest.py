"""Conditional VAE with doctests.

>>> torch.manual_seed(0) is not None
True
"""

import doctest
import unittest

import torch
import torch.nn as nn
import torch.nn.functional as F


class SimpleCVAE(nn.Module):
    """
    >>> model = SimpleCVAE(latent_dim=5)
    >>> model.encoder_fc1
    Linear(in_features=794, out_features=256)
    """

    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        """
        >>> mu, logvar = SimpleCVAE(3).encode(torch.zeros(2, 784), torch.zeros(2, 10))
        >>> mu.shape
        (2, 3)
        """
        combined = torch.cat([x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn(mu.shape, dtype=mu.dtype, device=mu.device)
        z = mu + std * epsilon
        return z

    def decode(self, z, labels_onehot):
        combined = torch.cat([z, labels_onehot], dim=1)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    """
    >>> z = torch.zeros(1, 2)
    >>> cvae_loss(torch.full((1, 784), 0.5), torch.zeros(1, 784), z, z)
    543.43
    """
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = (0.5 * (mu**2 + logvar.exp() - 1 - logvar)).sum(dim=1).sum()
    return recon_loss + kl_loss


class TestLoss(unittest.TestCase):
    def test_zero(self):
        z = torch.zeros(3, 2)
        self.assertEqual(cvae_loss(torch.ones(3, 784), torch.ones(3, 784), z, z).item(), 0)


result = doctest.testmod(verbose=True)
if result.failed:
    raise AssertionError(f"{result.failed} doctests failed")
unittest.main()
