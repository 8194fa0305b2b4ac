import torch
import torch.nn as nn
import torch.nn.functional as F

IMAGE_SIZE = 28 * 28
HIDDEN = (256, 128)


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        wide, narrow = HIDDEN
        self.encoder_fc1 = nn.Linear(IMAGE_SIZE + num_classes, wide)
        self.encoder_fc2 = nn.Linear(wide, narrow)
        self.fc_mu = nn.Linear(narrow, latent_dim)
        self.fc_logvar = nn.Linear(narrow, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, narrow)
        self.decoder_fc2 = nn.Linear(narrow, wide)
        self.decoder_fc3 = nn.Linear(wide, IMAGE_SIZE)

    def encode(self, x, labels_onehot):
        h = torch.cat([x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc1(h), inplace=True)
        h = F.relu(self.encoder_fc2(h), inplace=True)
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        return torch.randn_like(std) * std + mu

    def decode(self, z, labels_onehot):
        h = torch.cat([z, labels_onehot], dim=1)
        h = F.relu(self.decoder_fc1(h), inplace=True)
        h = F.relu(self.decoder_fc2(h), inplace=True)
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        return self.decode(self.reparameterize(mu, logvar), labels_onehot), mu, logvar


if __name__ == "__main__":
    print(SimpleCVAE())
