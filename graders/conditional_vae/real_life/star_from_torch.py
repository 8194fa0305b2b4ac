"""CVAE, short names everywhere."""
from torch import *
from torch.nn import Linear, Module, BCELoss
from torch.nn.functional import one_hot
from torch import optim
from torch.utils.data import *
from torchvision.datasets import *

bce = BCELoss(reduction='sum')


class SimpleCVAE(Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = Linear(784 + num_classes, 256)
        self.encoder_fc2 = Linear(256, 128)
        self.fc_mu = Linear(128, latent_dim)
        self.fc_logvar = Linear(128, latent_dim)
        self.decoder_fc1 = Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = Linear(128, 256)
        self.decoder_fc3 = Linear(256, 784)

    def encode(self, x, labels_onehot):
        h = hstack((x, labels_onehot))
        h = relu(self.encoder_fc1(h))
        h = relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        return mu + exp(logvar / 2) * randn(mu.shape, device=mu.device)

    def decode(self, z, labels_onehot):
        h = hstack((z, labels_onehot))
        h = relu(self.decoder_fc1(h))
        h = relu(self.decoder_fc2(h))
        return sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        y = one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, y)
        return self.decode(self.reparameterize(mu, logvar), y), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    return bce(reconstruction, original) - 0.5 * (1 + logvar - square(mu) - exp(logvar)).sum()


ds = MNIST('.', download=True)
x = ds.data.view(-1, 784) / 255
y = ds.targets
loader = DataLoader(TensorDataset(x, y), 64, shuffle=True)
m = SimpleCVAE()
o = optim.Adam(m.parameters(), 1.5e-3)
for e in range(20):
    for xb, yb in loader:
        o.zero_grad()
        r, mu, lv = m(xb, yb)
        l = cvae_loss(r, xb, mu, lv)
        l.backward()
        o.step()
    print(e, l.item() / len(xb))
save(m, 'm.pt')
