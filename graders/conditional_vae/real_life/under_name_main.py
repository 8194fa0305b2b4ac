import torch
import torch.nn as nn
import torch.nn.functional as F


class SimpleCVAE(nn.Module):
    """中文说明：条件变分自编码器。编码器和解码器都接收标签。"""

    def __init__(self, latent_dim=16, num_classes=10):
        super().__init__()
        self.latent_dim = latent_dim
        self.num_classes = num_classes
        # 编码器：图像 784 + 标签 10
        self.encoder_fc1 = nn.Linear(784 + num_classes, 256)
        self.encoder_fc2 = nn.Linear(256, 128)
        self.fc_mu = nn.Linear(128, latent_dim)
        self.fc_logvar = nn.Linear(128, latent_dim)
        # 解码器：隐变量 + 标签
        self.decoder_fc1 = nn.Linear(latent_dim + num_classes, 128)
        self.decoder_fc2 = nn.Linear(128, 256)
        self.decoder_fc3 = nn.Linear(256, 784)

    def encode(self, x, labels_onehot):
        combined = torch.cat([x, labels_onehot], dim=1)  # 拼接
        h = F.relu(self.encoder_fc1(combined))
        h = F.relu(self.encoder_fc2(h))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        # 重参数化：z = μ + σ·ε
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(std)
        return torch.addcmul(mu, std, epsilon)

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
    """重构误差（交叉熵，求和）加 KL 散度。"""
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction='sum')
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss


if __name__ == '__main__':
    import matplotlib.pyplot as plt
    from torchvision import datasets, transforms

    device = torch.device('cuda:0' if torch.cuda.is_available() else 'cpu')
    loader = torch.utils.data.DataLoader(
        datasets.MNIST('./data', download=True, transform=transforms.ToTensor()),
        batch_size=128, shuffle=True, num_workers=2)
    model = SimpleCVAE().to(device)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    losses = []
    for epoch in range(30):
        total = 0
        for x, y in loader:
            x, y = x.view(-1, 784).to(device), y.to(device)
            recon, mu, logvar = model(x, y)
            loss = cvae_loss(recon, x, mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item()
        losses.append(total / len(loader.dataset))
        print(f'第 {epoch + 1} 轮，损失 {losses[-1]:.2f}')
    plt.plot(losses)
    plt.title('训练损失')
    plt.show()
