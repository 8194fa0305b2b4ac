import torch
from torch import nn, optim
import torch.nn.functional as F

if torch.backends.mps.is_available():
    device = torch.device('mps')
elif torch.cuda.is_available():
    device = torch.device('cuda')
    torch.cuda.set_device(0)
    print(torch.cuda.get_device_properties(0))
else:
    device = torch.device('cpu')
print('using', device)


class SimpleCVAE(nn.Module):
    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256).to(device)
        self.encoder_fc2 = nn.Linear(256, 128).to(device)
        self.fc_mu = nn.Linear(128, latent_dim).to(device)
        self.fc_logvar = nn.Linear(128, latent_dim).to(device)
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128).to(device)
        self.decoder_fc2 = nn.Linear(128, 256).to(device)
        self.decoder_fc3 = nn.Linear(256, 784).to(device)

    def encode(self, x, labels_onehot):
        x = x.to(device)
        labels_onehot = labels_onehot.to(device)
        inputs = torch.cat([x, labels_onehot], dim=1)
        h = F.relu(self.encoder_fc1(inputs))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar).to(device)
        eps = torch.randn(std.size()).to(device)
        return mu + std * eps

    def decode(self, z, labels_onehot):
        inputs = torch.cat([z, labels_onehot.to(device)], dim=1)
        h = F.relu(self.decoder_fc1(inputs))
        h = F.relu(self.decoder_fc2(h))
        return torch.sigmoid(self.decoder_fc3(h))

    def forward(self, x, labels):
        labels_onehot = F.one_hot(labels, self.num_classes).float().to(device)
        mu, logvar = self.encode(x, labels_onehot)
        z = self.reparameterize(mu, logvar)
        return self.decode(z, labels_onehot), mu, logvar


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction.to(device), original.to(device), reduction='sum')
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss


model = SimpleCVAE(latent_dim=16).to(device)
if torch.cuda.device_count() > 1:
    model = nn.DataParallel(model)
optimizer = optim.AdamW(model.parameters(), lr=1e-3)
scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
scaler = torch.amp.GradScaler(enabled=device.type == 'cuda')
