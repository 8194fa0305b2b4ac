"""Everything that is not the model itself."""
import datetime

import torch
import torch.nn.functional as F
import yaml
import wandb

PIXELS = 784
START = datetime.datetime.now()

with open("settings.yaml") as file:
    SETTINGS = yaml.safe_load(file)

run = wandb.init(project="cvae", config=SETTINGS)


def glue(*parts):
    return torch.cat(parts, dim=-1)


def two_layers(rows, first, second):
    return F.relu(second(F.relu(first(rows))))


def sample(mu, logvar):
    noise = torch.randn_like(mu)
    return mu + torch.exp(logvar / 2) * noise


def cross_entropy(guess, truth):
    return F.binary_cross_entropy(guess, truth, reduction="sum")


def kl(mu, logvar):
    return 0.5 * torch.sum(mu.pow(2) + logvar.exp() - logvar - 1)


def train(model, loss_function, epochs):
    from torchvision.datasets import MNIST

    data = MNIST(SETTINGS["data"], download=True)
    images, labels = data.data.reshape(-1, PIXELS) / 255, data.targets
    optimizer = torch.optim.Adam(model.parameters(), lr=SETTINGS["lr"])
    for _ in range(epochs):
        for i in torch.randperm(len(images)).split(64):
            reconstruction, mu, logvar = model(images[i], labels[i])
            loss = loss_function(reconstruction, images[i], mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            run.log({"loss": loss.item() / len(i)})
