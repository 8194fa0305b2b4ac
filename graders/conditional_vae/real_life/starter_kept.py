"""Exercise 3: a conditional VAE from scratch.

Seven gaps are left, each a `...` under a comment with the task's name; everything else is given and stays as it is.
Run `pytest` in this folder at any time: it says which gap is next, and what is still wrong. README.md explains.
"""

import torch
import torch.nn as nn
import torch.nn.functional as F


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes

        # TODO (encoder_dims): Define encoder layers
        # Input: the image (784 pixels) and its one-hot label, side by side
        self.encoder_fc1 = nn.Linear(784 + self.num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)

        # TODO (decoder_dims): Define decoder layers
        # Input: the latent code and the one-hot label, side by side
        self.decoder_fc1 = nn.Linear(self.latent_dim + self.num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        # x: (batch, 784) in [0, 1]; labels_onehot: (batch, 10) -> mu, logvar: (batch, latent_dim) each
        # TODO (encode): Concatenate x and labels_onehot, in this order
        # combined = ...
        combined = torch.cat((x, labels_onehot), dim=-1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        # mu, logvar: (batch, latent_dim) -> z: (batch, latent_dim)
        # TODO (reparameterize): Implement the reparameterization trick
        # z = mu + std * epsilon, where epsilon is fresh standard normal noise
        std = torch.exp(logvar * 0.5)
        epsilon = torch.randn_like(mu)
        z = mu + std * epsilon
        return z

    def decode(self, z, labels_onehot):
        # z: (batch, latent_dim); labels_onehot: (batch, 10) -> reconstruction: (batch, 784) in (0, 1)
        # TODO (decode): Concatenate z and labels_onehot, in this order
        # combined = ...
        combined = torch.cat((z, labels_onehot), dim=-1)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        # x: (batch, 784); labels: (batch,) int64 -> reconstruction, mu, logvar
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    # The negative ELBO of the batch, in nats: one number, summed over images and over pixels or latent units
    # TODO (reconstruction_loss): Compute reconstruction loss (binary cross entropy), summed
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")

    # TODO (kl_loss): Compute KL divergence of N(mu, exp(logvar)) from N(0, 1), summed
    # KL = -1/2 * sum(1 + logvar - mu^2 - exp(logvar))
    kl_loss = -1/2 * torch.sum(1 + logvar - mu**2 - torch.exp(logvar))

    return recon_loss + kl_loss


# ----------------------------------------------------------------------
# from here on: my own training, on the images that come with the exercise
from pathlib import Path

from exercise import Exercise
from images import read_set

images, labels = read_set(Path(__file__).parent, "train")
x = images.flatten(1) / 255
model = SimpleCVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=0.0015)
for step in range(4000):
    i = torch.randint(len(x), (64,))
    optimizer.zero_grad()
    loss = cvae_loss(*(lambda out: (out[0], x[i], out[1], out[2]))(model(x[i], labels[i])))
    loss.backward()
    optimizer.step()
    if step % 100 == 0: print(step, loss.item() / 64)
