"""The model is an nn.Module; lightning is only used if it is installed."""
import torch
import torch.nn.functional as F
from torch import nn

try:
    import lightning.pytorch as pl
    HAVE_LIGHTNING = True
except ModuleNotFoundError:
    HAVE_LIGHTNING = False
    pl = None

try:
    from tqdm.auto import tqdm
except ImportError:
    def tqdm(iterable, **kwargs):
        return iterable

if HAVE_LIGHTNING:
    log = pl.loggers.CSVLogger("logs")
    print("log goes to", log.log_dir)
else:
    log = open("train.log", "w", buffering=1)


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
        h = torch.cat([x, labels_onehot], dim=1)
        for layer in tqdm([self.encoder_fc1, self.encoder_fc2], leave=False):
            h = F.relu(layer(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(std)
        return torch.add(mu, torch.mul(std, epsilon))

    def decode(self, z, labels_onehot):
        h = torch.cat([z, labels_onehot], dim=1)
        for layer in tqdm([self.decoder_fc1, self.decoder_fc2], leave=False):
            h = F.relu(layer(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = torch.eye(self.num_classes).to(x)[labels]
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = 0.5 * (mu.pow(2) + logvar.expm1() - logvar).sum()
    return recon_loss + kl_loss
