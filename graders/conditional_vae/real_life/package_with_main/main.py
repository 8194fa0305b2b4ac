import argparse

import torch
from torchvision import datasets
from tqdm import trange

from models.cvae import SimpleCVAE, cvae_loss

parser = argparse.ArgumentParser()
parser.add_argument("--epochs", type=int, required=True)
args = parser.parse_args()

data = datasets.MNIST("data", download=True)
x, y = data.data.view(-1, 784) / 255, data.targets
model = SimpleCVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
for epoch in trange(args.epochs):
    for i in torch.randperm(len(x)).split(64):
        r, mu, logvar = model(x[i], y[i])
        loss = cvae_loss(r, x[i], mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
torch.save(model.state_dict(), "cvae.pt")
