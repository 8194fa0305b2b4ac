#!/usr/bin/env python3
"""CVAE for MNIST, all settings from the command line.

usage: python cvae.py --epochs 20 --latent-dim 16
"""
import argparse
import random
import sys

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

parser = argparse.ArgumentParser(description="conditional VAE")
parser.add_argument("--epochs", type=int, default=20)
parser.add_argument("--batch-size", type=int, default=64)
parser.add_argument("--lr", type=float, default=1.5e-3)
parser.add_argument("--latent-dim", type=int, default=16, help="size of z")
parser.add_argument("--hidden", type=int, nargs=2, default=[256, 128])
parser.add_argument("--seed", type=int, default=1)
parser.add_argument("--no-cuda", action="store_true")
args = parser.parse_args()
args.cuda = not args.no_cuda and torch.cuda.is_available()

random.seed(args.seed)
np.random.seed(args.seed)
torch.manual_seed(args.seed)
device = torch.device("cuda" if args.cuda else "cpu")

PIXELS = 28 ** 2
H1, H2 = args.hidden


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=args.latent_dim, num_classes=10):
        super(SimpleCVAE, self).__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(PIXELS + num_classes, H1)
        self.encoder_fc2 = nn.Linear(H1, H2)
        self.fc_mu = nn.Linear(H2, latent_dim)
        self.fc_logvar = nn.Linear(H2, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, H2)
        self.decoder_fc2 = nn.Linear(H2, H1)
        self.decoder_fc3 = nn.Linear(H1, PIXELS)

    def encode(self, x, labels_onehot):
        combined = torch.hstack([x, labels_onehot])
        h = self.encoder_fc1(combined).relu()
        h = self.encoder_fc2(h).relu()
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = logvar.mul(0.5).exp()
        epsilon = torch.randn(mu.size(), dtype=mu.dtype, device=mu.device)
        z = epsilon.mul(std).add(mu)
        return z

    def decode(self, z, labels_onehot):
        combined = torch.hstack([z, labels_onehot])
        h = self.decoder_fc1(combined).relu()
        h = self.decoder_fc2(h).relu()
        return self.decoder_fc3(h).sigmoid()

    def forward(self, x, labels):
        onehot = F.one_hot(labels, self.num_classes).to(x.dtype)
        mu, logvar = self.encode(x, onehot)
        return self.decode(self.reparameterize(mu, logvar), onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = nn.BCELoss(reduction="sum")(reconstruction, original)
    kl_loss = 0.5 * (mu ** 2 + logvar.exp() - 1 - logvar).sum()
    return recon_loss + kl_loss


print("settings:", vars(args), file=sys.stderr)
model = SimpleCVAE().to(device)
print(model)
print("parameters:", sum(p.numel() for p in model.parameters() if p.requires_grad))
