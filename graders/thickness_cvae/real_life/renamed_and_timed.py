"""The Challenge with a base class of our own and numba for the measuring."""
import functools
import time

import torch
import torch.nn as nn
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from skimage.transform import pyramid_expand

try:
    from numba import njit
except ImportError:
    njit = lambda f: f


def timed(function):
    """Collects how long the calls take."""
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        start = time.perf_counter()
        try:
            return function(*args, **kwargs)
        finally:
            wrapper.seconds += time.perf_counter() - start
    wrapper.seconds = 0.0
    return wrapper


@njit
def middle(smallest, largest):
    return 0.5 * (smallest + largest)


@timed
def stroke_width(image):
    if image.max() < 0.5 or image.max() - image.min() <= 0:
        return 0.0
    enlarged = pyramid_expand(image.numpy(), upscale=4, order=3)
    ink = enlarged > middle(enlarged.min(), enlarged.max())
    return float(distance_transform_edt(ink)[skeletonize(ink)].mean() / 2)


@timed
def tercile_cuts(widths):
    ordered, _ = widths.sort()
    third = len(ordered) / 3
    return float(ordered[int(third)]), float(ordered[int(2 * third)])


@timed
def thickness_labels(widths, cuts):
    return sum((widths > cut).long() for cut in cuts)


class Layers(nn.Module):
    conditions = 0

    def __init__(self, latent_dim):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder_fc1 = nn.Linear(784 + self.conditions, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + self.conditions, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, *conditions):
        h = F.relu(self.encoder_fc1(torch.cat([x, *conditions], dim=1)))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z, *conditions):
        h = F.relu(self.decoder_fc1(torch.cat([z, *conditions], dim=1)))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))


class DigitAndThicknessVAE(Layers):
    conditions = 10 + 3

    def __init__(self, latent_dim=16, num_digits=10, num_thicknesses=3):
        super().__init__(latent_dim)
        self.num_digits, self.num_thicknesses = num_digits, num_thicknesses

    def forward(self, x, digits, thicknesses):
        digit = F.one_hot(digits, self.num_digits).float()
        thickness = F.one_hot(thicknesses, self.num_thicknesses).float()
        mu, logvar = self.encode(x, digit, thickness)
        return self.decode(self.reparameterize(mu, logvar), digit, thickness), mu, logvar


ThicknessCVAE = DigitAndThicknessVAE


def loss(reconstruction, original, mu, logvar):
    reconstruction_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return reconstruction_loss + kl


stroke_width(torch.rand(28, 28))
with open("seconds.txt", "w") as file:
    print(stroke_width.seconds, file=file)
