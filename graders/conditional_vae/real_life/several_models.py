"""All models of the seminar in one file.

Contents
    1  settings and data
    2  plain autoencoder
    3  VAE, beta-VAE, importance weighted bound
    4  convolutional VAE
    5  conditional VAE (exercise 3: SimpleCVAE and cvae_loss)
    6  convolutional conditional VAE
    7  vector quantised VAE
    8  planar flow on top of the posterior
    9  training, evaluation, plots
    10 everything is trained one after the other

Notes are partly in German, partly in English, as they came.
"""

# =====================================================================================================================
# 1  settings and data
# =====================================================================================================================

import collections
import copy
import csv
import itertools
import json
import math
import os
import random
import shutil
import sys
import time
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
import torch.distributions as D
import torch.nn as nn
import torch.nn.functional as F
import torchvision
import torchvision.transforms as T
from torch.optim.lr_scheduler import CosineAnnealingLR
from torch.utils.data import DataLoader, Dataset, Subset, random_split
from torchvision.utils import make_grid, save_image
from tqdm.auto import tqdm

ROOT = Path("seminar_output")
if ROOT.exists():
    shutil.rmtree(ROOT)
for name in ("checkpoints", "samples", "curves"):
    (ROOT / name).mkdir(parents=True)

SEED = 2024
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
BATCH = 128
EPOCHS = {"ae": 10, "vae": 20, "beta": 20, "conv": 15, "cvae": 30, "convcvae": 15, "vq": 20, "flow": 20}
LR = 1e-3
LATENT = 16
CLASSES = 10
D_IN = 28 * 28

random.seed(SEED)
np.random.seed(SEED)
torch.manual_seed(SEED)


class FlatMNIST(Dataset):
    """MNIST als flache Vektoren, einmal in den Speicher geladen."""

    def __init__(self, train):
        base = torchvision.datasets.MNIST("data", train=train, download=True)
        self.images = base.data.view(-1, D_IN).float() / 255
        self.labels = base.targets

    def __len__(self):
        return len(self.images)

    def __getitem__(self, index):
        return self.images[index], self.labels[index]


def loaders():
    full = FlatMNIST(train=True)
    train, valid = random_split(full, [55_000, 5_000], generator=torch.Generator().manual_seed(SEED))
    test = FlatMNIST(train=False)
    make = lambda data, shuffle: DataLoader(data, BATCH, shuffle=shuffle, num_workers=2, pin_memory=DEVICE == "cuda")
    return make(train, True), make(valid, False), make(test, False)


TRAIN, VALID, TEST = loaders()
print(f"{len(TRAIN.dataset)} / {len(VALID.dataset)} / {len(TEST.dataset)} images on {DEVICE}")


# =====================================================================================================================
# 2  plain autoencoder
# =====================================================================================================================


def mlp(*sizes, last=None):
    """Linear layers with ReLU in between."""
    layers = []
    for n_in, n_out in itertools.pairwise(sizes):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    layers.pop()
    if last is not None:
        layers.append(last)
    return nn.Sequential(*layers)


class Autoencoder(nn.Module):
    def __init__(self, latent_dim=LATENT):
        super().__init__()
        self.encoder = mlp(D_IN, 256, 128, latent_dim)
        self.decoder = mlp(latent_dim, 128, 256, D_IN, last=nn.Sigmoid())

    def forward(self, x):
        z = self.encoder(x)
        return self.decoder(z), z


def ae_loss(reconstruction, original):
    return F.mse_loss(reconstruction, original, reduction="sum")


# =====================================================================================================================
# 3  VAE, beta-VAE, importance weighted bound
# =====================================================================================================================


class VAE(nn.Module):
    """Wie in der Vorlesung: der Encoder liefert mu und logvar."""

    def __init__(self, latent_dim=LATENT):
        super().__init__()
        self.latent_dim = latent_dim
        self.body = mlp(D_IN, 256, 128, last=nn.ReLU())
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder = mlp(latent_dim, 128, 256, D_IN, last=nn.Sigmoid())

    def encode(self, x):
        h = self.body(x)
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar

    @torch.no_grad()
    def sample(self, n):
        return self.decode(torch.randn(n, self.latent_dim, device=next(self.parameters()).device))


def bce_sum(reconstruction, original):
    """Cross entropy, summed over everything."""
    return F.binary_cross_entropy(reconstruction, original, reduction="sum")


def gaussian_kl(mu, logvar):
    """KL(N(mu, exp(logvar)) || N(0, 1)), summed over everything."""
    return 0.5 * torch.sum(mu.pow(2) + logvar.exp() - 1.0 - logvar)


def vae_loss(reconstruction, original, mu, logvar):
    return bce_sum(reconstruction, original) + gaussian_kl(mu, logvar)


class BetaVAE(VAE):
    beta = 4.0

    def loss(self, reconstruction, original, mu, logvar):
        return bce_sum(reconstruction, original) + self.beta * gaussian_kl(mu, logvar)


def iwae_bound(model, x, k=50):
    """Importance weighted bound with k samples, nats per image."""
    mu, logvar = model.encode(x)
    q = D.Normal(mu, torch.exp(0.5 * logvar))
    p = D.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    terms = []
    for _ in range(k):
        z = q.rsample()
        guess = model.decode(z)
        log_px = -F.binary_cross_entropy(guess, x, reduction="none").sum(1)
        terms.append(log_px + p.log_prob(z).sum(1) - q.log_prob(z).sum(1))
    return torch.logsumexp(torch.stack(terms), dim=0).sub(math.log(k)).mean()


# =====================================================================================================================
# 4  convolutional VAE
# =====================================================================================================================


class ConvEncoder(nn.Module):
    def __init__(self, channels_in=1, width=32):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, width, 4, stride=2, padding=1)  # 14 x 14
        self.conv2 = nn.Conv2d(width, 2 * width, 4, stride=2, padding=1)  # 7 x 7
        self.norm1 = nn.BatchNorm2d(width)
        self.norm2 = nn.BatchNorm2d(2 * width)
        self.out_features = 2 * width * 7 * 7

    def forward(self, x):
        h = F.leaky_relu(self.norm1(self.conv1(x)), 0.2)
        h = F.leaky_relu(self.norm2(self.conv2(h)), 0.2)
        return h.flatten(1)


class ConvDecoder(nn.Module):
    def __init__(self, in_features, width=32):
        super().__init__()
        self.width = width
        self.fc = nn.Linear(in_features, 2 * width * 7 * 7)
        self.up1 = nn.ConvTranspose2d(2 * width, width, 4, stride=2, padding=1)
        self.up2 = nn.ConvTranspose2d(width, 1, 4, stride=2, padding=1)

    def forward(self, z):
        h = F.relu(self.fc(z)).view(-1, 2 * self.width, 7, 7)
        h = F.relu(self.up1(h))
        return torch.sigmoid(self.up2(h)).flatten(1)


class ConvVAE(nn.Module):
    def __init__(self, latent_dim=LATENT):
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = ConvEncoder()
        self.fc_mu = nn.Linear(self.encoder.out_features, latent_dim)
        self.fc_logvar = nn.Linear(self.encoder.out_features, latent_dim)
        self.decoder = ConvDecoder(latent_dim)

    def encode(self, x):
        h = self.encoder(x.view(-1, 1, 28, 28))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def decode(self, z):
        return self.decoder(z)

    def forward(self, x):
        mu, logvar = self.encode(x)
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


# =====================================================================================================================
# 5  conditional VAE (exercise 3)
# =====================================================================================================================


class SimpleCVAE(nn.Module):
    """Das Modell der Aufgabe, Namen der Schichten wie vorgegeben."""

    def __init__(self, latent_dim=LATENT, num_classes=CLASSES):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes

        # Encoder
        self.encoder_fc1 = nn.Linear(D_IN + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)

        # Decoder
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, D_IN)

    def encode(self, x, labels_onehot):
        combined = torch.cat([x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    # dieselbe Formel wie im VAE oben
    reparameterize = VAE.reparameterize

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


cvae_loss = vae_loss


@torch.no_grad()
def sample_digits(model, digits, per_digit=8):
    model.eval()
    labels = torch.tensor(digits, device=DEVICE).repeat_interleave(per_digit)
    z = torch.randn(len(labels), model.latent_dim, device=DEVICE)
    return model.decode(z, F.one_hot(labels, CLASSES).float())


@torch.no_grad()
def style_transfer(model, x, label, new_label):
    """Gleicher Code, andere Ziffer."""
    y = F.one_hot(label, CLASSES).float()
    mu, _ = model.encode(x, y)
    return model.decode(mu, F.one_hot(new_label, CLASSES).float())


# =====================================================================================================================
# 6  convolutional conditional VAE
# =====================================================================================================================


class ConvCVAE(nn.Module):
    """The label becomes ten more channels of the image."""

    def __init__(self, latent_dim=LATENT, num_classes=CLASSES):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder = ConvEncoder(channels_in=1 + num_classes)
        self.fc_mu = nn.Linear(self.encoder.out_features, latent_dim)
        self.fc_logvar = nn.Linear(self.encoder.out_features, latent_dim)
        self.decoder = ConvDecoder(latent_dim + num_classes)

    def encode(self, x, labels_onehot):
        planes = labels_onehot[:, :, None, None].expand(-1, -1, 28, 28)
        h = self.encoder(torch.cat([x.view(-1, 1, 28, 28), planes], dim=1))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return mu + std * torch.randn_like(std)

    def decode(self, z, labels_onehot):
        return self.decoder(torch.cat([z, labels_onehot], dim=1))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        return self.decode(self.reparameterize(mu, logvar), labels_onehot), mu, logvar


# =====================================================================================================================
# 7  vector quantised VAE
# =====================================================================================================================


class Quantiser(nn.Module):
    def __init__(self, entries=64, dim=8, commitment=0.25):
        super().__init__()
        self.codebook = nn.Embedding(entries, dim)
        nn.init.uniform_(self.codebook.weight, -1 / entries, 1 / entries)
        self.commitment = commitment

    def forward(self, z):
        flat = z.reshape(-1, self.codebook.embedding_dim)
        distances = torch.cdist(flat, self.codebook.weight)
        index = distances.argmin(dim=1)
        quantised = self.codebook(index).view_as(z)
        loss = F.mse_loss(quantised, z.detach()) + self.commitment * F.mse_loss(z, quantised.detach())
        quantised = z + (quantised - z).detach()  # straight through
        return quantised, loss, index


class VQVAE(nn.Module):
    def __init__(self, slots=8, dim=8):
        super().__init__()
        self.slots, self.dim = slots, dim
        self.encoder = mlp(D_IN, 256, 128, slots * dim)
        self.quantiser = Quantiser(dim=dim)
        self.decoder = mlp(slots * dim, 128, 256, D_IN, last=nn.Sigmoid())

    def forward(self, x):
        z = self.encoder(x).view(-1, self.slots, self.dim)
        quantised, loss, index = self.quantiser(z)
        return self.decoder(quantised.flatten(1)), loss, index


# =====================================================================================================================
# 8  planar flow on top of the posterior
# =====================================================================================================================


class PlanarFlow(nn.Module):
    def __init__(self, dim):
        super().__init__()
        self.u = nn.Parameter(torch.randn(dim) * 0.01)
        self.w = nn.Parameter(torch.randn(dim) * 0.01)
        self.b = nn.Parameter(torch.zeros(()))

    def forward(self, z):
        inner = z @ self.w + self.b
        wu = self.w @ self.u
        u_hat = self.u + (F.softplus(wu) - 1 - wu) * self.w / self.w.pow(2).sum()
        out = z + u_hat * torch.tanh(inner)[:, None]
        psi = (1 - torch.tanh(inner).pow(2))[:, None] * self.w
        log_det = torch.log((1 + psi @ u_hat).abs() + 1e-8)
        return out, log_det


class FlowVAE(VAE):
    def __init__(self, latent_dim=LATENT, flows=4):
        super().__init__(latent_dim)
        self.flows = nn.ModuleList(PlanarFlow(latent_dim) for _ in range(flows))

    def forward(self, x):
        mu, logvar = self.encode(x)
        z = self.reparameterize(mu, logvar)
        log_det = torch.zeros(len(x), device=x.device)
        for flow in self.flows:
            z, change = flow(z)
            log_det = log_det + change
        return self.decode(z), mu, logvar, log_det


# =====================================================================================================================
# 9  training, evaluation, plots
# =====================================================================================================================


class Meter:
    """Running mean of a number."""

    def __init__(self):
        self.total, self.count = 0.0, 0

    def add(self, value, n):
        self.total += value
        self.count += n

    @property
    def mean(self):
        return self.total / max(1, self.count)


class Stopwatch:
    def __enter__(self):
        self.start = time.perf_counter()
        return self

    def __exit__(self, *_):
        self.seconds = time.perf_counter() - self.start


def unconditional(model, x, y, loss):
    return loss(*(lambda out: (out[0], x, *out[1:3]))(model(x)))


def conditional(model, x, y, loss):
    reconstruction, mu, logvar = model(x, y)
    return loss(reconstruction, x, mu, logvar)


def fit(name, model, loss, step=unconditional):
    model = model.to(DEVICE)
    optimizer = torch.optim.Adam(model.parameters(), lr=LR)
    scheduler = CosineAnnealingLR(optimizer, EPOCHS[name])
    best, best_state, curve = float("inf"), None, []
    with Stopwatch() as watch:
        for epoch in tqdm(range(EPOCHS[name]), desc=name):
            model.train()
            train_meter, valid_meter = Meter(), Meter()
            for x, y in TRAIN:
                x, y = x.to(DEVICE, non_blocking=True), y.to(DEVICE, non_blocking=True)
                value = step(model, x, y, loss)
                optimizer.zero_grad(set_to_none=True)
                value.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 100.0)
                optimizer.step()
                train_meter.add(value.item(), len(x))
            scheduler.step()
            model.eval()
            with torch.no_grad():
                for x, y in VALID:
                    x, y = x.to(DEVICE), y.to(DEVICE)
                    valid_meter.add(step(model, x, y, loss).item(), len(x))
            curve.append((train_meter.mean, valid_meter.mean))
            if valid_meter.mean < best:
                best, best_state = valid_meter.mean, copy.deepcopy(model.state_dict())
                torch.save(best_state, ROOT / "checkpoints" / f"{name}.pt")
    model.load_state_dict(best_state)
    print(f"{name:>10}: {best:8.2f} nats per image, {watch.seconds:.0f} s", file=sys.stderr)
    with open(ROOT / "curves" / f"{name}.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["train", "valid"])
        writer.writerows(curve)
    return model, curve


def draw_curves(curves):
    figure, axes = plt.subplots(2, 4, figsize=(16, 8))
    for axis, (name, curve) in zip(axes.flat, curves.items()):
        axis.plot(*zip(*enumerate(train for train, _ in curve)), label="train")
        axis.plot(*zip(*enumerate(valid for _, valid in curve)), label="valid")
        axis.set_title(name)
        axis.legend()
    figure.tight_layout()
    figure.savefig(ROOT / "curves" / "all.png", dpi=150)
    plt.show()


def draw_latent_space(model):
    points, colours = [], []
    with torch.no_grad():
        for x, y in TEST:
            mu, _ = model.encode(x.to(DEVICE), F.one_hot(y, CLASSES).float().to(DEVICE))
            points.append(mu[:, :2].cpu())
            colours.append(y)
    points, colours = torch.cat(points), torch.cat(colours)
    plt.figure(figsize=(8, 8))
    plt.scatter(points[:, 0], points[:, 1], c=colours, cmap="tab10", s=2)
    plt.colorbar()
    plt.savefig(ROOT / "curves" / "latent.png")
    plt.close()


# =====================================================================================================================
# 10  everything is trained one after the other
# =====================================================================================================================

curves = collections.OrderedDict()
results = {}
plan = [
    ("ae", Autoencoder(), lambda r, x, z: ae_loss(r, x), unconditional),
    ("vae", VAE(), vae_loss, unconditional),
    ("beta", BetaVAE(), BetaVAE().loss, unconditional),
    ("conv", ConvVAE(), vae_loss, unconditional),
    ("cvae", SimpleCVAE(), cvae_loss, conditional),
    ("convcvae", ConvCVAE(), cvae_loss, conditional),
]
for name, model, loss, step in plan:
    model, curves[name] = fit(name, model, loss, step)
    results[name] = min(valid for _, valid in curves[name])
    if hasattr(model, "sample"):
        save_image(make_grid(model.sample(64).view(-1, 1, 28, 28)), ROOT / "samples" / f"{name}.png")
    if name in ("cvae", "convcvae"):
        save_image(sample_digits(model, list(range(10))).view(-1, 1, 28, 28), ROOT / "samples" / f"{name}.png", nrow=8)
        draw_latent_space(model)

# TODO: vq and flow need their own step
# model, curves["vq"] = fit("vq", VQVAE(), ...)
# model, curves["flow"] = fit("flow", FlowVAE(), ...)

draw_curves(curves)
(ROOT / "results.json").write_text(json.dumps(results, indent=2))
os.system(f"tar czf seminar_output.tar.gz {ROOT}")
