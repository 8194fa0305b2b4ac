# the exercise asks for one file with SimpleCVAE and cvae_loss, here they come together
from layers import SimpleCVAE
from losses import cvae_loss

__all__ = ["SimpleCVAE", "cvae_loss"]
