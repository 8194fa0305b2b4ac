import random

import matplotlib.pyplot as plt
import numpy as np
import torch
from torchmetrics.image.fid import FrechetInceptionDistance


def set_seed(seed):
    random.seed(seed)
    np.random.seed(seed)
    torch.manual_seed(seed)
    torch.cuda.manual_seed_all(seed)


def join(a, b):
    """Rows of a, each followed by its row of b."""
    return torch.cat([a, b], dim=1)


def to_onehot(labels, classes):
    return torch.eye(classes, device=labels.device)[labels]


def plot_losses(losses, filename):
    plt.figure()
    plt.plot(losses)
    plt.xlabel("epoch")
    plt.ylabel("nats")
    plt.savefig(filename)
    plt.close()


def fid(real, fake):
    metric = FrechetInceptionDistance(feature=64)
    metric.update(real, real=True)
    metric.update(fake, real=False)
    return metric.compute()
