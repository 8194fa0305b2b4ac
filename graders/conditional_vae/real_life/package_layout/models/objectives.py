import torch
import torch.nn.functional as F


def cvae_loss(reconstruction, original, mu, logvar):
    recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")
    kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return recon_loss + kl_loss
