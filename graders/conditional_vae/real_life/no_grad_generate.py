import torch
import torch.nn as nn
import torch.nn.functional as F
import torchvision


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        combined = torch.cat([x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        if self.training:
            std = torch.exp(0.5 * logvar)
            epsilon = torch.randn_like(std)
            return mu + std * epsilon
        return mu

    def decode(self, z, labels_onehot):
        combined = torch.cat([z, labels_onehot], dim=1)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).type_as(x)
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar

    # ---- not part of the exercise

    @torch.no_grad()
    def generate(self, digit, n=8):
        self.eval()
        z = torch.randn(n, self.latent_dim)
        y = F.one_hot(torch.tensor([digit] * n), self.num_classes).float()
        return self.decode(z, y).view(n, 1, 28, 28)

    @torch.inference_mode()
    def interpolate(self, x1, x2, digit, steps=10):
        y = F.one_hot(torch.tensor([digit]), self.num_classes).float()
        a, _ = self.encode(x1, y)
        b, _ = self.encode(x2, y)
        return torch.cat([self.decode(a + t * (b - a), y) for t in torch.linspace(0, 1, steps)])


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="none").sum(-1).sum()
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss


if torch.cuda.is_available():
    torch.set_default_device("cuda")
model = SimpleCVAE()
torchvision.utils.save_image(model.generate(3), "threes.png", nrow=4)
