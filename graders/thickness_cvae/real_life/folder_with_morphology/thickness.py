import torch
import torch.nn as nn
import torch.nn.functional as F

from morphology import enlarge, middle_lines, radius
from morphology import threshold as find_ink


def stroke_width(image):
    if image.max() < 0.5 or image.min() == image.max():
        return 0.0
    enlarged = enlarge(image, 4)
    ink = find_ink(enlarged)
    return float(2 * radius(ink)[middle_lines(ink)].mean() / 4)


def tercile_cuts(widths):
    low = torch.quantile(widths, 1 / 3)
    high = torch.quantile(widths, 2 / 3)
    return low.item(), high.item()


def thickness_labels(widths, cuts):
    return torch.tensor([int(w > cuts[0]) + int(w > cuts[1]) for w in widths], dtype=torch.int64)


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
