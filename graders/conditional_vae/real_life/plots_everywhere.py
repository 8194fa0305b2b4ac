import torch
import torch.nn as nn
import torch.nn.functional as F
import numpy as np
import matplotlib
matplotlib.use('TkAgg')
import matplotlib.pyplot as plt
import seaborn as sns
sns.set_theme(style="whitegrid")
plt.rcParams['figure.figsize'] = (10, 6)
plt.style.use('ggplot')

# first look at the relu and the sigmoid, I always forget how they look
xs = np.linspace(-4, 4, 200)
plt.plot(xs, np.maximum(xs, 0), label='relu')
plt.plot(xs, 1 / (1 + np.exp(-xs)), label='sigmoid')
plt.legend(); plt.savefig('activations.png'); plt.show()

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
        std = torch.sqrt(torch.exp(logvar))
        epsilon = torch.normal(torch.zeros_like(mu), torch.ones_like(mu))
        z = mu + std * epsilon
        return z

    def decode(self, z, labels_onehot):
        combined = torch.cat([z, labels_onehot], dim=1)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar

def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss

# how does the KL look as a function of mu and of logvar?
grid = torch.linspace(-3, 3, 121)
kl_mu = [cvae_loss(torch.full((1, 784), .5), torch.zeros(1, 784), m.view(1, 1), torch.zeros(1, 1)).item() for m in grid]
kl_lv = [cvae_loss(torch.full((1, 784), .5), torch.zeros(1, 784), torch.zeros(1, 1), v.view(1, 1)).item() for v in grid]
plt.figure()
plt.plot(grid, kl_mu, label=r'$\mu$')
plt.plot(grid, kl_lv, label=r'$\log\sigma^2$')
plt.title('loss, one unit')
plt.legend()
plt.savefig('plots/kl.pdf')
plt.show()

model = SimpleCVAE(2)
z = model.reparameterize(torch.zeros(2000, 2), torch.zeros(2000, 2)).numpy()
sns.jointplot(x=z[:, 0], y=z[:, 1], kind='hex')
plt.savefig('plots/noise.pdf')
plt.show()
