"""CVAE, exercise 3.

Everything that takes time is in main().
"""
import os
import sys

import torch
import torch.nn as nn
import torch.nn.functional as F

try:
    from torchvision import datasets, transforms
except ImportError:
    datasets = transforms = None
    print("torchvision is missing, only the model can be used", file=sys.stderr)


def build_mlp(sizes):
    """Linear layers between consecutive sizes, as a list."""
    return [nn.Linear(a, b) for a, b in zip(sizes, sizes[1:])]


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1, self.encoder_fc2 = build_mlp([784 + num_classes, 256, 128])
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1, self.decoder_fc2, self.decoder_fc3 = build_mlp([latent_dim + num_classes, 128, 256, 784])

    def encode(self, x, labels_onehot):
        combined = torch.cat([x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = logvar.div(2).exp()
        epsilon = torch.randn_like(std)
        return mu + std * epsilon

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


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = original.numel() * F.binary_cross_entropy(reconstruction, original)
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss


def get_loaders(batch_size):
    transform = transforms.Compose([transforms.ToTensor()])
    train = datasets.MNIST("data", train=True, download=True, transform=transform)
    test = datasets.MNIST("data", train=False, download=True, transform=transform)
    make = torch.utils.data.DataLoader
    return make(train, batch_size, shuffle=True, num_workers=4), make(test, batch_size, num_workers=4)


def train_one_epoch(model, loader, optimizer, device):
    model.train()
    total = 0.0
    for x, labels in loader:
        x, labels = x.view(x.size(0), -1).to(device), labels.to(device)
        optimizer.zero_grad()
        recon, mu, logvar = model(x, labels)
        loss = cvae_loss(recon, x, mu, logvar)
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader.dataset)


def main():
    device = "cuda" if torch.cuda.is_available() else "cpu"
    train_loader, test_loader = get_loaders(128)
    model = SimpleCVAE().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    for epoch in range(50):
        print(epoch, train_one_epoch(model, train_loader, optimizer, device))
    os.makedirs("out", exist_ok=True)
    torch.save(model.state_dict(), "out/model.pt")


# no "if __name__" here, I always start it like this anyway
main()
