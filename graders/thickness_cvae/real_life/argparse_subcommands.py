import argparse
import logging
import sys
import torch
import torch.nn as nn
import torch.nn.functional as F
from scipy import ndimage
from skimage import morphology, transform

parser = argparse.ArgumentParser()
sub = parser.add_subparsers(dest="command", required=True)
sub.add_parser("measure").add_argument("--cores", type=int)
sub.add_parser("train").add_argument("--epochs", type=int, default=20)
options = parser.parse_args(sys.argv[1:])

logging.basicConfig(handlers=[logging.FileHandler("thickness.log", mode="w"), logging.StreamHandler()])

UPSCALE = 4
DIGITS, THICKNESSES = 10, 3
LEVELS = ("thin", "medium", "thick")


def stroke_width(image):
    """Morpho-MNIST, section 3."""
    if not (image.max() >= 0.5 and image.min() < image.max()):
        return 0.0
    big = transform.pyramid_expand(image.numpy(), upscale=UPSCALE, order=3)
    ink = big > big.min() + 0.5 * (big.max() - big.min())
    distances = ndimage.distance_transform_edt(ink)
    on_skeleton = distances[morphology.skeletonize(ink)]
    return float(on_skeleton.sum() / len(on_skeleton) * 2 / UPSCALE)


def tercile_cuts(widths):
    low = widths.kthvalue(max(1, round(len(widths) / 3))).values
    high = widths.kthvalue(max(1, round(2 * len(widths) / 3))).values
    return float(low), float(high)


def thickness_labels(widths, cuts):
    return torch.searchsorted(torch.tensor(cuts, dtype=widths.dtype), widths)


class ThicknessCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_digits=10, num_thicknesses=3):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_digits = num_digits
        self.num_thicknesses = num_thicknesses
        conditions = num_digits + num_thicknesses
        self.encoder_fc1 = nn.Linear(784 + conditions, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + conditions, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, digit, thickness):
        combined = torch.cat([x, digit, thickness], dim=1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z, digit, thickness):
        combined = torch.cat([z, digit, thickness], dim=1)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, digits, thicknesses):
        digit = F.one_hot(digits, self.num_digits).float()
        thickness = F.one_hot(thicknesses, self.num_thicknesses).float()
        mu, logvar = self.encode(x, digit, thickness)
        return self.decode(self.reparameterize(mu, logvar), digit, thickness), mu, logvar


def loss(reconstruction, original, mu, logvar):
    reconstruction_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return reconstruction_loss + kl


logging.warning("options: %s", options)
if getattr(options, "cores", None):
    torch.set_num_threads(options.cores)
