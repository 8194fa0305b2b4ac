"""Our CVAE, logged with everything that we could find."""
import os

os.environ["WANDB_MODE"] = "offline"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import pytorch_lightning as pl
import torch
import torch.nn as nn
import torch.nn.functional as F
import wandb
from pytorch_lightning.loggers import CSVLogger, WandbLogger
from torch.utils.tensorboard import SummaryWriter
from torchinfo import summary

pl.seed_everything(42, workers=True)
wandb.login()
run = wandb.init(project="cvae-exercise-3", config={"lr": 1.5e-3, "latent_dim": 16, "beta": 1.0})
cfg = run.config
writer = SummaryWriter(comment="cvae")
csv_logger = CSVLogger("logs", name="cvae")
logger = WandbLogger(experiment=run)


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
        std = torch.exp(0.5 * logvar)
        epsilon = torch.randn_like(std)
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
    kl_loss = logvar.add(1).sub(mu.square()).sub(logvar.exp()).sum().mul(-0.5)
    return recon_loss + kl_loss


class LitCVAE(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.model = SimpleCVAE(cfg.latent_dim)

    def training_step(self, batch, _):
        x, y = batch
        x = x.flatten(1)
        reconstruction, mu, logvar = self.model(x, y)
        loss = cvae_loss(reconstruction, x, mu, logvar) / len(x)
        self.log("train/loss", loss, prog_bar=True)
        return loss

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=cfg.lr)


summary(SimpleCVAE(), input_size=[(1, 784), (1,)])
wandb.watch(SimpleCVAE(), log="all")
trainer = pl.Trainer(max_epochs=20, logger=[logger, csv_logger], accelerator="auto")
trainer.fit(LitCVAE(), torch.utils.data.DataLoader([(torch.rand(784), 3)] * 64, batch_size=8, num_workers=2))
writer.close()
run.finish()
