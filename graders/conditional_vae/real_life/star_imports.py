from torch import *
from torch.nn import *
from torch.nn.functional import *
import torch
from math import *
from random import *
from matplotlib.pyplot import *


class SimpleCVAE(Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = Linear(784 + num_classes, 256)
        self.encoder_fc2 = Linear(256, 128)
        self.fc_mu = Linear(128, latent_dim)
        self.fc_logvar = Linear(128, latent_dim)
        self.decoder_fc1 = Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = Linear(128, 256)
        self.decoder_fc3 = Linear(256, 784)

    def encode(self, x, labels_onehot):
        combined = cat([x, labels_onehot], dim=1)
        h = relu(self.encoder_fc1(combined))
        h = relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = (0.5 * logvar).exp()
        epsilon = randn_like(std)
        z = mu + std * epsilon
        return z

    def decode(self, z, labels_onehot):
        combined = cat([z, labels_onehot], dim=1)
        h = relu(self.decoder_fc1(combined))
        h = relu(self.decoder_fc2(h))
        return self.decoder_fc3(h).sigmoid()

    def forward(self, x, labels):
        labels_onehot = one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).sum()
    return recon_loss + kl_loss


seed(1)
figure()
plot([sin(i / 10) for i in arange(100)])
savefig("sinus.png")
