"""Exercise 2, with labels that count through all ten digits."""

import torch
import torch.nn.functional as F


def nats_per_image(reconstruction, images, mu, logvar):
    # reconstruction, images: (n, 784); mu, logvar: (n, latent_dim) -> both terms of the loss, averaged over the images
    # TODO (nats_per_image): Sum over pixels and over latent units, average over images
    reconstruction_nats = F.binary_cross_entropy(reconstruction, images, reduction="sum") / len(images)
    kl_nats = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(images)
    return float(reconstruction_nats), float(kl_nats)


def kl_per_unit(mu, logvar):
    # mu, logvar: (n, latent_dim) -> (latent_dim,): the KL of every unit in nats, averaged over the images
    # TODO (kl_per_unit): The same formula, with another axis left over
    kl = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).mean(dim=0)
    return kl


def active_units(mu, threshold=0.01):
    # mu: (n, latent_dim), the posterior means of n images -> how many units say something about the image
    # TODO (active_units): A unit is active if its mean varies over the images: if the variance exceeds the threshold
    active = (mu.var(dim=0) > threshold).sum()
    return int(active)


@torch.no_grad()
def latent_map(model, digit, size=9, reach=2.0):
    # A model with two latent units -> (size, size, 28, 28): what it draws for `digit` from a grid of codes
    # TODO (latent_map): The first unit grows to the right, the second downwards, both from -reach to reach
    steps = torch.linspace(-reach, reach, size)
    second, first = torch.meshgrid(steps, steps, indexing="ij")
    codes = torch.stack([first.flatten(), second.flatten()], dim=1)
    labels_onehot = F.one_hot(torch.full((size * size,), digit), 10).float()
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)


def compare_sizes(train, measure, sizes=(2, 16, 64), margin=2.0):
    # train(latent_dim) -> a trained model; measure(model) -> its loss on held-out images in nats per image
    # -> losses by size, and the smallest size whose loss is at most `margin` nats above the best one
    # TODO (compare_sizes): Train and measure each size once; then choose
    losses = {size: measure(train(size)) for size in sizes}
    smallest = min(size for size, loss in losses.items() if loss <= min(losses.values()) + margin)
    return losses, smallest


@torch.no_grad()
def even_digits(model, count):
    # -> (count, 784): new images of even digits, each from a code of its own, all even digits about equally often
    # TODO (even_digits): Draw codes from the prior, and ask for even digits only
    codes = torch.randn(count, model.latent_dim)
    labels_onehot = F.one_hot(torch.arange(count) % 10, 10).float()
    return model.decode(codes, labels_onehot)


def enough_epochs(losses, gain=0.5):
    # losses: held-out nats per image after epoch 1, 2, ... -> the first epoch that is at most `gain` above the best
    # TODO (enough_epochs): Epochs are counted from 1
    epochs = next(epoch for epoch, loss in enumerate(losses, start=1) if loss <= min(losses) + gain)
    return int(epochs)


def train(model, images, labels, epochs, batch_size=64, learning_rate=2e-3):
    # images: (n, 784) in [0, 1]; labels: (n,) int64; model(images, labels) -> reconstruction, mu, logvar
    # -> the loss of each epoch in nats per image
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history = []
    # TODO (train): Every batch is one step of the optimizer; every epoch adds what an image cost on average
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch_size):
            x = images[chosen]
            reconstruction, mu, logvar = model(x, labels[chosen])
            loss = F.binary_cross_entropy(reconstruction, x, reduction="sum")
            loss = loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        mean = total / len(images)
        history.append(mean)
    return history
