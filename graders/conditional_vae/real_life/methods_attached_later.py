# I write the methods one by one, as in the lecture, and hang them into the class afterwards
import torch
import torch.nn as nn
import torch.nn.functional as F


def add_to(cls):
    def decorator(function):
        setattr(cls, function.__name__, function)
        return function
    return decorator


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


model = SimpleCVAE(3)
print(model)


@add_to(SimpleCVAE)
def encode(self, x, labels_onehot):
    combined = torch.cat([x, labels_onehot], dim=1)
    h = F.relu(self.encoder_fc1(combined))
    h = F.relu(self.encoder_fc2(h))
    return self.fc_mu(h), self.fc_logvar(h)


y = F.one_hot(torch.arange(5), 10).float()
mu, logvar = model.encode(torch.rand(5, 784), y)
print(mu.shape, logvar.shape)


def reparameterize(self, mu, logvar):
    std = torch.exp(0.5 * logvar)
    epsilon = torch.randn_like(std)
    return mu + std * epsilon


SimpleCVAE.reparameterize = reparameterize
z = model.reparameterize(mu, logvar)
print(z)


def _decode(self, z, labels_onehot):
    combined = torch.cat([z, labels_onehot], dim=1)
    h = F.relu(self.decoder_fc1(combined))
    h = F.relu(self.decoder_fc2(h))
    return torch.sigmoid(self.decoder_fc3(h))


setattr(SimpleCVAE, "decode", _decode)
reconstruction = model.decode(z, y)
assert reconstruction.shape == (5, 784)


@add_to(SimpleCVAE)
def forward(self, x, labels):
    labels_onehot = F.one_hot(labels, self.num_classes).float()
    mu, logvar = self.encode(x, labels_onehot)
    z = self.reparameterize(mu, logvar)
    return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss


print(cvae_loss(reconstruction, torch.rand(5, 784), mu, logvar))
