"""Layers of encoder and decoder, with the names of the handout."""
from torch import nn


class Layers(nn.Module):
    def __init__(self, latent_dim, num_classes):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        sizes = {
            "encoder_fc1": (784 + num_classes, 256),
            "encoder_fc2": (256, 128),
            "fc_mu": (128, latent_dim),
            "fc_logvar": (128, latent_dim),
            "decoder_fc1": (latent_dim + num_classes, 128),
            "decoder_fc2": (128, 256),
            "decoder_fc3": (256, 784),
        }
        for name, (inputs, outputs) in sizes.items():
            setattr(self, name, nn.Linear(inputs, outputs))
