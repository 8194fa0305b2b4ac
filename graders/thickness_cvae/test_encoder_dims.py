"""Task encoder_dims: the encoder reads image, digit and thickness together; everything else is as given."""

import pytest

from graders.cvae import layer_widths
from graders.thickness_cvae.network import NETWORK


@pytest.mark.core
@pytest.mark.points(7)
def test_first_layer(submission):
    """The first encoder layer is as wide as image and both conditions together, for every latent size."""
    layer_widths.first_width(
        NETWORK, submission, "encoder_fc1", lambda latent_dim: 784 + 13, "image, digit and thickness together"
    )


@pytest.mark.points(3)
def test_given_layers(submission):
    """The encoder's other layers and its two heads are as given, and nothing is added to them."""
    layer_widths.given_layers(NETWORK, submission, lambda name: not name.startswith("decoder"))
