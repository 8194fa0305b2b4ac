"""CVAE that keeps a diary of its losses in losses.csv."""
import csv
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F

LOG = Path("losses.csv")
if LOG.exists():
    LOG.unlink()
LOG.write_text("time,reconstruction,kl\n")


class SimpleCVAE(nn.Module):
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
        combined = torch.cat([x, labels_onehot], dim=1)
        with open("shapes.txt", "a") as file:
            file.write(f"{list(combined.shape)}\n")
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = torch.normal(mean=0.0, std=1.0, size=tuple(std.shape), device=std.device)
        return mu + std * epsilon

    def decode(self, z, labels_onehot):
        combined = torch.cat([z.T, labels_onehot.T]).T
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    with LOG.open("a", newline="") as file:
        csv.writer(file).writerow([f"{time.time():.1f}", recon_loss.item(), kl_loss.item()])
    return recon_loss + kl_loss
