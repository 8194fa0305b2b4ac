import torch
import torch.nn as nn
import torch.nn.functional as F

import helpers as h


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(h.PIXELS + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, h.PIXELS)

    def encode(self, x, labels_onehot):
        hidden = h.two_layers(h.glue(x, labels_onehot), self.encoder_fc1, self.encoder_fc2)
        return self.fc_mu(hidden), self.fc_logvar(hidden)

    def reparameterize(self, mu, logvar):
        return h.sample(mu, logvar)

    def decode(self, z, labels_onehot):
        hidden = h.two_layers(h.glue(z, labels_onehot), self.decoder_fc1, self.decoder_fc2)
        return torch.sigmoid(self.decoder_fc3(hidden))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    return h.cross_entropy(reconstruction, original) + h.kl(mu, logvar)


if __name__ == "__main__":
    h.train(SimpleCVAE(), cvae_loss, epochs=20)
