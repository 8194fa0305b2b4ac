# %% [markdown]
# # Exercise 2

# %%
import torch
import torch.nn.functional as F
%matplotlib qt
import matplotlib.pyplot as plt

# %%
def nats_per_image(reconstruction, images, mu, logvar):
    reconstruction_nats = F.binary_cross_entropy(reconstruction, images, reduction="sum") / len(images)
    kl_nats = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp()) / len(images)
    return float(reconstruction_nats), float(kl_nats)

# %%
def kl_per_unit(mu, logvar):
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).mean(dim=0)

# %%
def active_units(mu, threshold=0.01):
    # a unit is active if its mean is far from zero
    return int((mu.mean(dim=0).abs() > threshold).sum())

# %%
@torch.no_grad()
def latent_map(model, digit, size=9, reach=2.0):
    steps = torch.linspace(-reach, reach, size)
    codes = torch.cartesian_prod(steps, steps)
    labels_onehot = F.one_hot(torch.full((size * size,), digit), 10).float()
    return model.decode(codes, labels_onehot).reshape(size, size, 28, 28)

# %%
def compare_sizes(train, measure, sizes=(2, 16, 64), margin=2.0):
    losses = {size: measure(train(size)) for size in sizes}
    smallest = min(size for size, loss in losses.items() if loss <= min(losses.values()) + margin)
    return losses, smallest

# %%
@torch.no_grad()
def even_digits(model, count):
    codes = torch.randn(count, model.latent_dim)
    labels_onehot = F.one_hot(torch.arange(count) % 5 * 2, 10).float()
    return model.decode(codes, labels_onehot)

# %%
def enough_epochs(losses, gain=0.5):
    return int(next(i for i, loss in enumerate(losses, start=1) if loss <= min(losses) + gain))

# %%
def train(model, images, labels, epochs, batch_size=64, learning_rate=2e-3):
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    history = []
    for _ in range(epochs):
        total = 0.0
        for chosen in torch.randperm(len(images)).split(batch_size):
            reconstruction, mu, logvar = model(images[chosen], labels[chosen])
            loss = F.binary_cross_entropy(reconstruction, images[chosen], reduction="sum")
            loss = loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        history.append(total / len(images))
    return history

# %%
plt.plot([enough_epochs([3, 2, 1])])
plt.show(block=True)
