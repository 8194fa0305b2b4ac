"""Task decoder_dims: the decoder reads latent code and label together; everything else is as given."""

import pytest

from graders.conditional_vae.network import NETWORK
from graders.cvae import layer_widths


@pytest.mark.core
@pytest.mark.points(7)
def test_first_layer(submission):
    """The first decoder layer is as wide as latent code and one-hot label together, for every latent size."""
    layer_widths.first_width(
        NETWORK, submission, "decoder_fc1", lambda latent_dim: latent_dim + 10, "latent code and one-hot label together"
    )


@pytest.mark.points(3)
def test_given_layers(submission):
    """The decoder's other layers are as given, and nothing is added to them."""
    layer_widths.given_layers(NETWORK, submission, lambda name: name.startswith("decoder"))
