import torch
from cvae import SimpleCVAE, cvae_loss
from torch.utils.tensorboard import SummaryWriter
from torchvision import datasets

mnist = datasets.MNIST("data", download=True)
x, y = mnist.data.view(-1, 784).float() / 255, mnist.targets
writer = SummaryWriter("runs/cvae")
model = SimpleCVAE()
optimizer = torch.optim.Adam(model.parameters(), lr=1.5e-3)
for step in range(20_000):
    i = torch.randint(len(x), (64,))
    reconstruction, mu, logvar = model(x[i], y[i])
    loss = cvae_loss(reconstruction, x[i], mu, logvar)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    writer.add_scalar("loss", loss.item() / 64, step)
