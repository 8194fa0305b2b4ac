"""Task decoder_dims: the decoder reads latent code, digit and thickness together; everything else is as given."""

import pytest

from graders.cvae import layer_widths
from graders.thickness_cvae.network import NETWORK


@pytest.mark.core
@pytest.mark.points(7)
def test_first_layer(submission):
    """The first decoder layer is as wide as latent code and both conditions together, for every latent size."""
    layer_widths.first_width(
        NETWORK,
        submission,
        "decoder_fc1",
        lambda latent_dim: latent_dim + 13,
        "latent code, digit and thickness together",
    )


@pytest.mark.points(3)
def test_given_layers(submission):
    """The decoder's other layers are as given, and nothing is added to them."""
    layer_widths.given_layers(NETWORK, submission, lambda name: name.startswith("decoder"))
