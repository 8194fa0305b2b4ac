import torch
import torch.nn.functional as F
from formulas import gaussian_kl, grid
from plotting import bars, show_map

EVEN = [0, 2, 4, 6, 8]


def nats_per_image(reconstruction, images, mu, logvar):
    reconstruction_nats = F.binary_cross_entropy(reconstruction, images, reduction="sum") / len(images)
    kl_nats = gaussian_kl(mu, logvar).sum() / len(images)
    return float(reconstruction_nats), float(kl_nats)


def kl_per_unit(mu, logvar):
    kl = gaussian_kl(mu, logvar).mean(0)
    return kl


def active_units(mu, threshold=0.01):
    active = (mu.std(dim=0) ** 2).gt(threshold).count_nonzero()
    return int(active)


@torch.no_grad()
def latent_map(model, digit, size=9, reach=2.0):
    codes = grid(size, reach)
    labels_onehot = F.one_hot(torch.tensor(digit), 10).float().repeat(size * size, 1)
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)


def compare_sizes(train, measure, sizes=(2, 16, 64), margin=2.0):
    losses = {size: measure(train(size)) for size in sizes}
    limit = min(losses.values()) + margin
    smallest = min(size for size in sizes if losses[size] <= limit)
    return losses, smallest


@torch.no_grad()
def even_digits(model, count):
    codes = torch.randn(count, model.latent_dim)
    digits = torch.tensor([EVEN[i % len(EVEN)] for i in range(count)])
    labels_onehot = F.one_hot(digits, 10).float()
    return model.decode(codes, labels_onehot)


def enough_epochs(losses, gain=0.5):
    best = min(losses)
    epochs = 1
    while losses[epochs - 1] > best + gain:
        epochs += 1
    return int(epochs)


def train(model, images, labels, epochs, batch_size=64, learning_rate=2e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history = []
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch_size):
            x, y = images[chosen], labels[chosen]
            reconstruction, mu, logvar = model(x, y)
            loss = F.binary_cross_entropy(reconstruction, x, reduction="sum") + gaussian_kl(mu, logvar).sum()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += float(loss)
        mean = total / len(images)
        history.append(mean)
    return history


bars([12.1, 0.3, 2.2], "units.png")
show_map(torch.rand(9, 9, 28, 28), "map.png")
