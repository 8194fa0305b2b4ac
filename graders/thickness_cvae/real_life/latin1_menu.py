# -*- coding: iso-8859-1 -*-
"""Wahlaufgabe: Strichstärke und Ziffer zusammen.

Gelöst in einer Zweiergruppe; die Bilder liegen im Ordner "Übersicht".
"""
import os
import torch
import torch.nn as nn
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from skimage.transform import pyramid_expand

os.makedirs("Übersicht", exist_ok=True)
torch.manual_seed(1)


def sichtbar(bild):
    """Ist überhaupt ein Strich zu sehen?"""
    return bild.max() >= 0.5 and bild.min() < bild.max()


def stroke_width(image):
    if not sichtbar(image):
        return 0.0
    groß = pyramid_expand(image.numpy(), upscale=4, order=3)
    tinte = groß > 0.5 * (groß.min() + groß.max())
    abstand = distance_transform_edt(tinte)
    # der Abstand ist der halbe Strich, und ein Bildpunkt sind vier kleine
    return float(0.5 * abstand[skeletonize(tinte)].mean())


def tercile_cuts(widths):
    low, high = torch.quantile(widths, torch.tensor([1 / 3, 2 / 3], dtype=widths.dtype))
    return float(low), float(high)


def thickness_labels(widths, cuts):
    dünn, dick = cuts
    labels = torch.ones_like(widths, dtype=torch.int64)
    labels[widths <= dünn] = 0
    labels[widths > dick] = 2
    return labels


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


while (antwort := input("Messen (m), trainieren (t) oder aufhören (a)? ")) != "a":
    print("Größe:", antwort)
