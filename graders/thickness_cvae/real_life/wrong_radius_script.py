# Challenge, without the notebook
import os, sys
import pandas as pd
import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from skimage.transform import pyramid_expand

os.chdir(os.path.dirname(sys.argv[0]) or ".")
table = pd.read_csv("widths.csv")

def stroke_width(image):
    if image.max() < 0.5 or image.max() == image.min():
        return 0.0
    enlarged = pyramid_expand(image.numpy(), upscale=4, order=3)
    ink = enlarged > 0.5 * (enlarged.min() + enlarged.max())
    # mean distance to the edge, in pixels of the small image
    return float(distance_transform_edt(ink)[skeletonize(ink)].mean() / 4)

def tercile_cuts(widths):
    low, high = torch.quantile(widths, torch.tensor([1 / 3, 2 / 3], dtype=widths.dtype))
    return float(low), float(high)

def thickness_labels(widths, cuts):
    return torch.bucketize(widths, torch.tensor(cuts, dtype=widths.dtype))

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

table["label"] = thickness_labels(torch.tensor(table["width"].to_numpy()), (1.8, 2.4))
table.groupby("label").size().plot.bar()
plt.savefig("classes.png")
plt.show()
