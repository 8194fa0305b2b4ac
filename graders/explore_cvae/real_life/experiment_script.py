"""Exercise 2. The functions come first, then the experiments that the figures in my answers come from."""
import os
import time
from pathlib import Path

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from conditional_vae import ConditionalVAE
from images import read_set

OUT = Path("figures")
OUT.mkdir(exist_ok=True)
os.chdir(OUT)


def nats_per_image(reconstruction, images, mu, logvar):
    bce = F.binary_cross_entropy(reconstruction, images, reduction="none")
    reconstruction_nats = bce.sum(dim=1).mean()
    kl_nats = kl_per_unit(mu, logvar).sum()
    return float(reconstruction_nats), float(kl_nats)


def kl_per_unit(mu, logvar):
    kl = 0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar)
    return kl.mean(dim=0)


def active_units(mu, threshold=0.01):
    variances = torch.var(mu, dim=0)
    return int((variances > threshold).sum())


@torch.no_grad()
def latent_map(model, digit, size=9, reach=2.0):
    steps = torch.linspace(-reach, reach, size)
    codes = torch.stack([torch.stack([first, second]) for second in steps for first in steps])
    labels_onehot = torch.zeros(size * size, 10)
    labels_onehot[:, digit] = 1
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)


def compare_sizes(train, measure, sizes=(2, 16, 64), margin=2.0):
    losses = {}
    for size in sizes:
        losses[size] = measure(train(size))
    best = min(losses.values())
    good = [size for size in losses if losses[size] <= best + margin]
    return losses, min(good)


@torch.no_grad()
def even_digits(model, count):
    codes = torch.randn(count, model.latent_dim)
    digits = torch.tensor([0, 2, 4, 6, 8]).repeat(count // 5 + 1)[:count]
    labels_onehot = F.one_hot(digits, 10).float()
    return model.decode(codes, labels_onehot)


def enough_epochs(losses, gain=0.5):
    limit = min(losses) + gain
    for epoch, loss in enumerate(losses):
        if loss <= limit:
            return epoch + 1


def train(model, images, labels, epochs, batch_size=64, learning_rate=2e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history = []
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch_size):
            reconstruction, mu, logvar = model(images[chosen], labels[chosen])
            bce = F.binary_cross_entropy(reconstruction, images[chosen], reduction="sum")
            kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss = bce + kl
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        history.append(total / len(images))
    return history


# ------------------------------------------------------------------ experiments
images, labels = read_set(Path(__file__).parent, "train")
x = images.flatten(1).float() / 255
held_x, held_y = x[-1000:], labels[-1000:]
x, labels = x[:-1000], labels[:-1000]


def train_size(latent_dim):
    model = ConditionalVAE(latent_dim)
    start = time.time()
    history = train(model, x, labels, epochs=40)
    print(latent_dim, history[-1], f"{time.time() - start:.0f} s")
    plt.plot(history, label=str(latent_dim))
    return model


def measure(model):
    with torch.no_grad():
        logits, mu, logvar = model(held_x, held_y)
    return sum(nats_per_image(torch.sigmoid(logits), held_x, mu, logvar))


losses, smallest = compare_sizes(train_size, measure)
plt.legend()
plt.savefig("sizes.png")
model = train_size(2)
plt.imshow(latent_map(model, 3).permute(0, 2, 1, 3).reshape(9 * 28, 9 * 28))
plt.savefig("map.png")
plt.show()
