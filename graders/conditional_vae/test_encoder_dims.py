"""Task encoder_dims: the encoder reads image and label together; everything else is as given."""

import pytest

from graders.conditional_vae.network import NETWORK
from graders.cvae import layer_widths


@pytest.mark.core
@pytest.mark.points(7)
def test_first_layer(submission):
    """The first encoder layer is as wide as image and one-hot label together, for every latent size."""
    layer_widths.first_width(
        NETWORK, submission, "encoder_fc1", lambda latent_dim: 784 + 10, "image and one-hot label together"
    )


@pytest.mark.points(3)
def test_given_layers(submission):
    """The encoder's other layers and its two heads are as given, and nothing is added to them."""
    layer_widths.given_layers(NETWORK, submission, lambda name: not name.startswith("decoder"))
