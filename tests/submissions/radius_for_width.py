"""The Challenge, with the distance to the nearest edge in the place of the width."""

import torch
import torch.nn as nn
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from skimage.transform import pyramid_expand


def stroke_width(image):
    # image: (28, 28) in [0, 1] -> the mean width of its strokes in pixels; 0.0 where no strokes can be seen
    # TODO (stroke_width): Enlarge the image, find its ink, its middle lines, and how far these are from the edge
    visible = image.max() >= 0.5 and image.min() < image.max()
    if not visible:
        return 0.0
    enlarged = pyramid_expand(image.numpy(), upscale=4, order=3)
    ink = enlarged > 0.5 * (enlarged.min() + enlarged.max())
    skeleton = skeletonize(ink)
    distance = distance_transform_edt(ink)
    width = distance[skeleton].mean() / 4
    return float(width)


def tercile_cuts(widths):
    # widths: (n,) of the training images -> two widths, the smaller one first
    # TODO (tercile_cuts): A third of the widths lies below the first cut, and a third above the second
    low, high = torch.quantile(widths, torch.tensor([1 / 3, 2 / 3], dtype=widths.dtype))
    return float(low), float(high)


def thickness_labels(widths, cuts):
    # widths: (n,); cuts: the two widths of tercile_cuts -> (n,) int64: 0 is thin, 1 medium, 2 thick
    # TODO (thickness_labels): Give every width the number of its class
    labels = torch.bucketize(widths, torch.tensor(cuts, dtype=widths.dtype))
    return labels


class ThicknessCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_digits=10, num_thicknesses=3):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_digits = num_digits
        self.num_thicknesses = num_thicknesses

        # TODO (encoder_dims): Define encoder layers
        # Input: the image (784 pixels), its one-hot digit and its one-hot thickness, side by side
        self.encoder_fc1 = nn.Linear(784 + num_digits + num_thicknesses, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)

        # TODO (decoder_dims): Define decoder layers
        # Input: the latent code and the same two conditions, side by side
        self.decoder_fc1 = nn.Linear(latent_dim + num_digits + num_thicknesses, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, digit, thickness):
        # x: (batch, 784); digit: (batch, 10) one-hot; thickness: (batch, 3) one-hot -> mu, logvar: (batch, latent_dim)
        # TODO (encode): Concatenate x, digit and thickness, in this order
        combined = torch.cat([x, digit, thickness], dim=1)  # (batch, 797)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z, digit, thickness):
        # z: (batch, latent_dim); digit, thickness: as in encode -> reconstruction: (batch, 784) in (0, 1)
        # TODO (decode): Concatenate z, digit and thickness, in this order
        combined = torch.cat([z, digit, thickness], dim=1)  # (batch, latent_dim + 13)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, digits, thicknesses):
        # x: (batch, 784); digits, thicknesses: (batch,) int64 -> reconstruction, mu, logvar
        digit = F.one_hot(digits, self.num_digits).float()
        thickness = F.one_hot(thicknesses, self.num_thicknesses).float()
        mu, logvar = self.encode(x, digit, thickness)
        return self.decode(self.reparameterize(mu, logvar), digit, thickness), mu, logvar


def loss(reconstruction, original, mu, logvar):
    # The negative ELBO of the batch, in nats: summed over images, and over pixels or latent units
    reconstruction_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return reconstruction_loss + kl
