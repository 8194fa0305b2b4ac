# Exercise 3 - CVAE on MNIST
# trains for 30 epochs on my laptop, about 6 minutes
import os
import time

import matplotlib.pyplot as plt
import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from tqdm import tqdm

batch_size = 128
epochs = 30
lr = 1e-3
latent_dim = 16
os.makedirs("results", exist_ok=True)

transform = transforms.ToTensor()
train_set = datasets.MNIST("./data", train=True, download=True, transform=transform)
test_set = datasets.MNIST("./data", train=False, download=True, transform=transform)
train_loader = DataLoader(train_set, batch_size=batch_size, shuffle=True, num_workers=2, pin_memory=True)
test_loader = DataLoader(test_set, batch_size=batch_size, shuffle=False, num_workers=2)


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes

        # encoder: picture + label
        self.encoder_fc1 = nn.Linear(28 * 28 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)

        # decoder: code + label
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        h = torch.cat((x, labels_onehot), 1)
        h = F.relu(self.encoder_fc1(h))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(logvar / 2)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z, labels_onehot):
        h = torch.cat((z, labels_onehot), 1)
        h = F.relu(self.decoder_fc1(h))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    bce = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kld


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
model = SimpleCVAE(latent_dim).to(device)
optimizer = optim.Adam(model.parameters(), lr=lr)
history = {"train": [], "test": []}

start = time.time()
for epoch in range(1, epochs + 1):
    model.train()
    train_loss = 0
    for data, labels in tqdm(train_loader, desc=f"epoch {epoch}"):
        data, labels = data.view(-1, 784).to(device), labels.to(device)
        optimizer.zero_grad()
        recon, mu, logvar = model(data, labels)
        loss = cvae_loss(recon, data, mu, logvar)
        loss.backward()
        optimizer.step()
        train_loss += loss.item()
    history["train"].append(train_loss / len(train_loader.dataset))

    model.eval()
    test_loss = 0
    with torch.no_grad():
        for data, labels in test_loader:
            data, labels = data.view(-1, 784).to(device), labels.to(device)
            recon, mu, logvar = model(data, labels)
            test_loss += cvae_loss(recon, data, mu, logvar).item()
    history["test"].append(test_loss / len(test_loader.dataset))
    print(f"epoch {epoch}: train {history['train'][-1]:.2f}, test {history['test'][-1]:.2f}")
    torch.save(model.state_dict(), f"results/cvae_{epoch}.pt")
print("took", time.time() - start, "seconds")

plt.plot(history["train"], label="train")
plt.plot(history["test"], label="test")
plt.legend()
plt.savefig("results/loss.png")
plt.show()

with torch.no_grad():
    fig, axes = plt.subplots(10, 8, figsize=(8, 10))
    for digit in range(10):
        y = F.one_hot(torch.full((8,), digit), 10).float().to(device)
        z = torch.randn(8, latent_dim, device=device)
        samples = model.decode(z, y).cpu().view(8, 28, 28)
        for i in range(8):
            axes[digit, i].imshow(samples[i], cmap="gray")
            axes[digit, i].axis("off")
    fig.savefig("results/samples.png")
