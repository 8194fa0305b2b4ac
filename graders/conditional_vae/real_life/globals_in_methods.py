import torch
import torch.nn as nn
import torch.nn.functional as F
from torchvision import datasets, transforms

# ---------------------------------------------------------------- settings
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")
LATENT_DIM = 16
NUM_CLASSES = 10
IMAGE_DIM = 784
HIDDEN_1, HIDDEN_2 = 256, 128
EPS = 1e-7
BETA = 1.0          # weight of the KL, see the warmup below
EPOCHS = 20
BATCH_SIZE = 64


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=LATENT_DIM, num_classes=NUM_CLASSES):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(IMAGE_DIM + NUM_CLASSES, HIDDEN_1)
        self.encoder_fc2 = nn.Linear(HIDDEN_1, HIDDEN_2)
        self.fc_mu = nn.Linear(HIDDEN_2, latent_dim)
        self.fc_logvar = nn.Linear(HIDDEN_2, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + NUM_CLASSES, HIDDEN_2)
        self.decoder_fc2 = nn.Linear(HIDDEN_2, HIDDEN_1)
        self.decoder_fc3 = nn.Linear(HIDDEN_1, IMAGE_DIM)

    def encode(self, x, labels_onehot):
        combined = torch.cat([x.to(DEVICE), labels_onehot.to(DEVICE)], dim=1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(std, device=DEVICE)
        z = mu + std * epsilon
        return z

    def decode(self, z, labels_onehot):
        combined = torch.cat([z.to(DEVICE), labels_onehot.to(DEVICE)], dim=1)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, NUM_CLASSES).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    r = reconstruction.clamp(EPS, 1 - EPS)
    recon_loss = -(original * r.log() + (1 - original) * (1 - r).log()).sum()
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + BETA * kl_loss


train_loader = torch.utils.data.DataLoader(
    datasets.MNIST("data", download=True, transform=transforms.ToTensor()), BATCH_SIZE, shuffle=True
)
model = SimpleCVAE().to(DEVICE)
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
for epoch in range(1, EPOCHS + 1):
    BETA = min(1.0, epoch / 10)  # KL warmup
    for x, y in train_loader:
        x, y = x.view(-1, IMAGE_DIM).to(DEVICE), y.to(DEVICE)
        reconstruction, mu, logvar = model(x, y)
        loss = cvae_loss(reconstruction, x, mu, logvar)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    print(f"epoch {epoch:3d}  beta {BETA:.1f}  loss {loss.item() / len(x):.2f}")
