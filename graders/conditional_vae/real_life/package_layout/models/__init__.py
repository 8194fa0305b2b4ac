from .blocks import linear_relu
from .cvae import SimpleCVAE
from .objectives import cvae_loss
