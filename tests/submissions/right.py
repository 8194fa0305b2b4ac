"""A right submission that looks nothing like the reference: other names, other functions, helpers of its own."""

import warnings

import torch
from torch import nn
from torch.distributions import Normal, kl_divergence

PIXELS, CLASSES = 28 * 28, 10


def side_by_side(*parts: torch.Tensor) -> torch.Tensor:
    return torch.hstack(parts)


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim: int = 16, num_classes: int = CLASSES) -> None:
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.encoder_fc1 = nn.Linear(PIXELS + CLASSES, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(CLASSES + latent_dim, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, PIXELS)
        self.act = nn.ReLU()
        warnings.warn("a warning on stderr costs no marks", stacklevel=1)

    def encode(self, image, label):
        h = self.act(self.encoder_fc1(side_by_side(image, label)))
        h = self.act(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return Normal(mu, logvar.exp().sqrt()).rsample()

    def decode(self, z, label):
        h = self.act(self.decoder_fc1(side_by_side(z, label)))
        return self.decoder_fc3(self.act(self.decoder_fc2(h))).sigmoid()

    def forward(self, x, labels):
        y = torch.eye(self.num_classes)[labels]
        mu, logvar = self.encode(x, y)
        print("forward", tuple(x.shape))
        return self.decode(self.reparameterize(mu, logvar), y), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    bce = -(original * reconstruction.log() + (1 - original) * torch.log1p(-reconstruction)).sum()
    prior = Normal(torch.zeros_like(mu), torch.ones_like(mu))
    return bce + kl_divergence(Normal(mu, torch.exp(logvar / 2)), prior).sum()


if __name__ == "__main__":
    raise SystemExit("not reached while grading")
