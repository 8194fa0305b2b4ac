import torch
import torch.nn.functional as F

from models.layers import Layers


class SimpleCVAE(Layers):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__(latent_dim, num_classes)

    def encode(self, x, labels_onehot):
        h = F.relu(self.encoder_fc1(torch.cat([x, labels_onehot], dim=1)))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z, labels_onehot):
        h = F.relu(self.decoder_fc1(torch.cat([z, labels_onehot], dim=1)))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        return self.decode(self.reparameterize(mu, logvar), labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    bce = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return bce + kl
