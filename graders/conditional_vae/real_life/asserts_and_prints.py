import torch
import torch.nn as nn
import torch.nn.functional as F

DEBUG = True
calls = 0  # how often has forward been called?


def show(name, t):
    if DEBUG:
        print(f"[{name}] {tuple(t.shape)} mean {t.mean().item():+.3f} std {t.std().item():.3f}")


class SimpleCVAE(nn.Module):
    counter = 0

    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        assert latent_dim > 0
        assert num_classes == 10, "MNIST has ten digits"
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)
        print("new model", self)

    def encode(self, x, labels_onehot):
        SimpleCVAE.counter += 1
        print("encode, call number", SimpleCVAE.counter)
        assert x.ndim == 2 and x.shape[1] == 784, x.shape
        assert labels_onehot.shape == (x.shape[0], self.num_classes), labels_onehot.shape
        assert torch.allclose(labels_onehot.sum(dim=1), torch.ones(len(x)))
        combined = torch.cat([x, labels_onehot], dim=1)
        assert combined.shape == (len(x), 794)
        show("combined", combined)
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        mu, logvar = self.fc_mu(h), self.fc_logvar(h)
        assert mu.shape == logvar.shape == (len(x), self.latent_dim)
        return mu, logvar

    def reparameterize(self, mu, logvar):
        assert mu.shape == logvar.shape
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(std)
        z = mu + std * epsilon
        assert torch.isfinite(z).all(), "z is not finite"
        return z

    def decode(self, z, labels_onehot):
        combined = torch.cat([z, labels_onehot], dim=-1)
        assert combined.shape[1] == self.latent_dim + self.num_classes
        # print(combined)
        h = F.relu(self.decoder_fc1(combined))
        h = F.relu(self.decoder_fc2(h))
        out = torch.sigmoid(self.decoder_fc3(h))
        assert out.min() >= 0 and out.max() <= 1
        return out

    def forward(self, x, labels):
        global calls
        calls += 1
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        show("z", z)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    assert reconstruction.shape == original.shape
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    print(f"recon {recon_loss:.1f} kl {kl_loss:.1f}")
    assert kl_loss >= -1e-3
    return recon_loss + kl_loss


# ------------ my own tests
m = SimpleCVAE(4)
x, y = torch.rand(6, 784), torch.arange(6)
r, mu, logvar = m(x, y)
assert calls == 1 and SimpleCVAE.counter == 1
assert abs(cvae_loss(x * 0.9 + 0.05, x, 0 * mu, 0 * logvar).item() - 1700) < 50, "why is this not 1700???"
