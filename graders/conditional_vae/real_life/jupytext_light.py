# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:light
#     text_representation:
#       extension: .py
#       format_name: light
#       format_version: '1.5'
#       jupytext_version: 1.16.1
#   kernelspec:
#     display_name: Python 3 (ipykernel)
#     language: python
#     name: python3
# ---

# # Conditional VAE
#
# paired with `cvae.ipynb`

# + tags=["setup"]
# %matplotlib inline
import torch
from torch import nn
import torch.nn.functional as F
import pandas as pd
import plotly.express as px
# -

# We write the layers first.

# +
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
        combined = torch.cat(tensors=[x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc2(F.relu(self.encoder_fc1(combined))))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        epsilon = std.new_empty(std.shape).normal_(0, 1)
        z = std * epsilon + mu
        return z

    def decode(self, z, labels_onehot):
        combined = torch.cat(tensors=[z, labels_onehot], dim=1)
        h = F.relu(self.decoder_fc2(F.relu(self.decoder_fc1(combined))))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


# -

# Both terms are sums, not means!

def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss


# + active="ipynb"
# import this

# + [markdown] slideshow={"slide_type": "slide"}
# ## Results

# +
table = pd.read_csv("losses.csv")
fig = px.line(table, x="epoch", y=["train", "test"])
fig.show()
# -

table.describe()
