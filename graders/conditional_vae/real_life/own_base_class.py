from abc import ABC, abstractmethod

import torch
import torch.nn as nn
import torch.nn.functional as F
from torchsummary import summary


class BaseVAE(nn.Module, ABC):
    """Common part of the VAE and the CVAE (we did the VAE in exercise 2 of last week)."""

    def __init__(self, latent_dim):
        super().__init__()
        self.latent_dim = latent_dim

    @abstractmethod
    def encode(self, *inputs):
        ...

    @abstractmethod
    def decode(self, *inputs):
        ...

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(std)
        z = mu + std * epsilon
        return z

    @property
    def device(self):
        return next(self.parameters()).device

    @torch.no_grad()
    def sample(self, n, *conditions):
        return self.decode(torch.randn(n, self.latent_dim, device=self.device), *conditions)


class VAE(BaseVAE):
    def __init__(self, latent_dim=16):
        super().__init__(latent_dim)
        self.encoder = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 2 * latent_dim))
        self.decoder = nn.Sequential(nn.Linear(latent_dim, 256), nn.ReLU(), nn.Linear(256, 784), nn.Sigmoid())

    def encode(self, x):
        return self.encoder(x).chunk(2, dim=1)

    def decode(self, z):
        return self.decoder(z)


class SimpleCVAE(BaseVAE):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__(latent_dim)
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        combined = torch.cat((x, labels_onehot), -1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

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


def kl_divergence(mu, logvar):
    return -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def cvae_loss(reconstruction, original, mu, logvar):
    nats = F.binary_cross_entropy(reconstruction, original, reduction="none")
    recon_loss = nats.sum(dim=1).sum()
    return recon_loss + kl_divergence(mu, logvar)


summary(SimpleCVAE(), [(784,), ()], device="cpu")
