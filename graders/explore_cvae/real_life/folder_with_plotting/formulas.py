import torch


def gaussian_kl(mu, logvar):
    """KL of each unit of each image."""
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp())


def grid(size, reach):
    """(size * size, 2), row by row; the first column changes fastest."""
    steps = torch.linspace(-reach, reach, size)
    first, second = torch.meshgrid(steps, steps, indexing="xy")
    return torch.stack([first, second], dim=-1).reshape(-1, 2)
