"""Lösung Übungsblatt 3: bedingter VAE (CVAE)."""
import logging
import os
from datetime import datetime

import torch
import torch.nn as nn
import torch.nn.functional as F

os.makedirs("logs", exist_ok=True)
logging.basicConfig(
    filename=f"logs/{datetime.now():%Y-%m-%d_%H-%M}.log",
    level=logging.DEBUG,
    format="%(asctime)s %(levelname)s %(message)s",
)
logger = logging.getLogger(__name__)
logger.info("Start, torch %s", torch.__version__)
protokoll = open("protokoll.txt", "w")
protokoll.write("Übung 3\n")


class SimpleCVAE(nn.Module):
    """Das Etikett (one-hot) geht in Kodierer und Dekodierer."""

    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        # 784 Bildpunkte plus 10 für die Ziffer
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)
        logger.debug("Modell mit latent_dim=%d angelegt", latent_dim)

    def encode(self, x, labels_onehot):
        # erst das Bild, dann das Etikett
        combined = torch.cat([x, labels_onehot], dim=1)
        logger.debug("encode: %s", tuple(combined.shape))
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        # logvar ist log(sigma^2), also sigma = exp(logvar / 2)
        std = torch.exp(0.5 * logvar)
        epsilon = torch.empty_like(std).normal_()
        z = torch.addcmul(mu, std, epsilon)
        return z

    def decode(self, z, labels_onehot):
        combined = torch.cat([z, labels_onehot], dim=1)
        logger.debug("decode: %s", tuple(combined.shape))
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    # Kreuzentropie, über alle Bildpunkte und Bilder SUMMIERT (nicht gemittelt!)
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = 0.5 * torch.sum(torch.expm1(logvar) - logvar + mu * mu)
    logger.debug("Verlust: %.2f + %.2f", recon_loss.item(), kl_loss.item())
    return recon_loss + kl_loss


modell = SimpleCVAE()
protokoll.write(f"{modell}\n")
protokoll.close()
logger.info("Fertig")
