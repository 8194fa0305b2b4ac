"""Challenge: measure all digits on all cores, keep the widths in a file, train, draw."""
import os
from multiprocessing import Pool
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.nn as nn
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt
from skimage.morphology import skeletonize
from skimage.transform import pyramid_expand
from torchvision.datasets import MNIST
from tqdm import tqdm

CACHE = Path("widths.npz")
SCALE = 4


def stroke_width(image):
    if image.max() < 0.5 or image.max() == image.min():
        return 0.0
    enlarged = pyramid_expand(image.numpy(), upscale=SCALE, order=3)
    ink = enlarged > (enlarged.min() + enlarged.max()) / 2
    skeleton = skeletonize(ink)
    distance = distance_transform_edt(ink)
    return float(2 * distance[skeleton].mean() / SCALE)


def tercile_cuts(widths):
    ordered = torch.sort(widths).values
    n = len(ordered)
    return float(ordered[n // 3]), float(ordered[2 * n // 3])


def thickness_labels(widths, cuts):
    low, high = cuts
    return (widths > low).long() + (widths > high).long()


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


data = MNIST("data", download=True)
images = data.data.float() / 255
if CACHE.exists():
    widths = torch.from_numpy(np.load(CACHE)["widths"])
else:
    with Pool(os.cpu_count()) as pool:
        widths = torch.tensor(list(tqdm(pool.imap(stroke_width, images, chunksize=100), total=len(images))))
    np.savez(CACHE, widths=widths.numpy())

cuts = tercile_cuts(widths)
classes = thickness_labels(widths, cuts)
plt.hist(widths, 100)
plt.axvline(cuts[0])
plt.axvline(cuts[1])
plt.savefig("widths.png")
plt.show()

model = ThicknessCVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
x = images.flatten(1)
for epoch in range(20):
    for chosen in tqdm(torch.randperm(len(x)).split(64)):
        reconstruction, mu, logvar = model(x[chosen], data.targets[chosen], classes[chosen])
        value = loss(reconstruction, x[chosen], mu, logvar)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()
    torch.save(model.state_dict(), f"thickness_{epoch}.pt")
