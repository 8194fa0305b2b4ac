"""Trains the model of the package `models`. Start with: python cvae.py"""
import hydra
import torch
from models import SimpleCVAE, cvae_loss
from omegaconf import DictConfig, OmegaConf
from torch.utils.data import DataLoader
from torchvision.datasets import MNIST
from torchvision.transforms import ToTensor

torch.manual_seed(0)
print("one batch costs", cvae_loss(*[(o := SimpleCVAE()(torch.rand(4, 784), torch.arange(4)))[0], torch.rand(4, 784), *o[1:]]))


@hydra.main(version_base=None, config_path="conf", config_name="config")
def main(cfg: DictConfig):
    print(OmegaConf.to_yaml(cfg))
    loader = DataLoader(MNIST(cfg.data, download=True, transform=ToTensor()), cfg.batch, shuffle=True, num_workers=2)
    model = SimpleCVAE(cfg.latent_dim)
    optimizer = torch.optim.Adam(model.parameters(), lr=cfg.lr)
    for epoch in range(cfg.epochs):
        for x, y in loader:
            x = x.flatten(1)
            reconstruction, mu, logvar = model(x, y)
            loss = cvae_loss(reconstruction, x, mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        print(epoch, loss.item() / len(x))


if __name__ == "__main__":
    main()
