import subprocess
import sys

# the tutor's machine may not have these
for package in ("einops", "tqdm", "torchviz"):
    subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", package])

import getpass
import platform

import torch
import torch.nn as nn
import torch.nn.functional as F
from einops import rearrange
from torchviz import make_dot

print("Hello", getpass.getuser(), "on", platform.node())
EPOCHS = int(input("How many epochs? "))
LATENT = int(input("How many latent units? [16] ") or 16)
name = input("Name of the run: ")


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
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = torch.distributions.Normal(0.0, 1.0).sample(mu.shape).to(mu.device)
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
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = torch.sum(0.5 * (torch.exp(logvar) + mu * mu - logvar - 1))
    return recon_loss + kl_loss


model = SimpleCVAE(LATENT)
images, mu, logvar = model(torch.rand(16, 784), torch.randint(10, (16,)))
grid = rearrange(images, "(a b) (h w) -> (a h) (b w)", a=4, h=28)
make_dot(images, params=dict(model.named_parameters())).render(f"graph_{name}", format="png")
