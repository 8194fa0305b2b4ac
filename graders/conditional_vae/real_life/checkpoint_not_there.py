import json
import os
import pickle

import torch
import torch.nn as nn
import torch.nn.functional as F

CKPT_DIR = os.path.join(os.path.dirname(os.path.abspath(__file__)), "checkpoints")
if not os.path.exists(CKPT_DIR):
    os.makedirs(CKPT_DIR)

with open("config.json") as f:
    config = json.load(f)
print("training with", config)


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(in_features=784 + num_classes, out_features=256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(in_features=latent_dim + num_classes, out_features=128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        xy = torch.cat([x, labels_onehot], axis=1)
        h = torch.relu(self.encoder_fc1(xy))
        h = torch.relu(self.encoder_fc2(h))
        mu = self.fc_mu(h)
        logvar = self.fc_logvar(h)
        return mu, logvar

    def reparameterize(self, mu, logvar):
        q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
        return q.rsample()

    def decode(self, z, labels_onehot):
        zy = torch.cat([z, labels_onehot], axis=1)
        h = torch.relu(self.decoder_fc1(zy))
        h = torch.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        y = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, y)
        z = self.reparameterize(mu, logvar)
        x_hat = self.decode(z, y)
        return x_hat, mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    q = torch.distributions.Normal(mu, torch.exp(0.5 * logvar))
    p = torch.distributions.Normal(torch.zeros_like(mu), torch.ones_like(mu))
    kl_loss = torch.distributions.kl_divergence(q, p).sum()
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    return recon_loss + kl_loss


# resume where we stopped yesterday
model = SimpleCVAE(config["latent_dim"])
checkpoint = torch.load(os.path.join(CKPT_DIR, "epoch_40.pt"), map_location="cpu")
model.load_state_dict(checkpoint["model"])
best = checkpoint["best"]
with open(os.path.join(CKPT_DIR, "history.pkl"), "rb") as f:
    history = pickle.load(f)
print("best so far:", best, "after", len(history), "epochs")

history.append(best)
torch.save({"model": model.state_dict(), "best": best}, os.path.join(CKPT_DIR, "epoch_41.pt"))
with open(os.path.join(CKPT_DIR, "history.pkl"), "wb") as f:
    pickle.dump(history, f)
