"""Exercise 3, with a small command line."""

from pathlib import Path

import click
import torch
import torch.nn as nn
import torch.nn.functional as F
from rich.progress import track


class SimpleCVAE(nn.Module):
    """MLP encoder and decoder, both see the one-hot label."""

    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        n_in = 784 + num_classes
        self.encoder_fc1 = nn.Linear(n_in, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu, self.fc_logvar = nn.Linear(128, latent_dim), nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        h = torch.concat([x, labels_onehot], dim=-1)
        for layer in (self.encoder_fc1, self.encoder_fc2):
            h = F.relu(layer(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        sigma = (0.5 * logvar).exp()
        return mu + sigma * torch.randn_like(sigma)

    def decode(self, z, labels_onehot):
        h = torch.concat([z, labels_onehot], dim=-1)
        for layer in (self.decoder_fc1, self.decoder_fc2):
            h = F.relu(layer(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        y = F.one_hot(labels, num_classes=self.num_classes).float()
        mu, logvar = self.encode(x, y)
        return self.decode(self.reparameterize(mu, logvar), y), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="none").sum()
    kl_loss = torch.sum(-0.5 * (1 + logvar - mu.square() - logvar.exp()))
    return recon_loss + kl_loss


@click.group()
@click.option("--device", default="cpu", show_default=True)
@click.pass_context
def cli(ctx, device):
    """Train a CVAE, or draw from one."""
    ctx.ensure_object(dict)
    ctx.obj["device"] = device


@cli.command()
@click.option("--epochs", default=10)
@click.option("--out", type=click.Path(path_type=Path), default=Path("model.pt"))
@click.pass_context
def train(ctx, epochs, out):
    from torchvision.datasets import MNIST

    digits = MNIST("data", download=True)
    images, labels = digits.data.flatten(1).float() / 255, digits.targets
    model = SimpleCVAE().to(ctx.obj["device"])
    optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
    for epoch in track(range(epochs)):
        for chosen in torch.randperm(len(images)).split(64):
            loss = cvae_loss(*[(r := model(images[chosen], labels[chosen]))[0], images[chosen], r[1], r[2]])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        click.echo(f"{epoch}: {loss.item() / len(chosen):.1f}")
    torch.save(model.state_dict(), out)


@cli.command()
@click.argument("digit", type=int)
def sample(digit):
    model = SimpleCVAE()
    model.load_state_dict(torch.load("model.pt"))
    click.echo(model.decode(torch.randn(1, 16), F.one_hot(torch.tensor([digit]), 10).float()))


cli()
