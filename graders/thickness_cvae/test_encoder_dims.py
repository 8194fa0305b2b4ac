"""Task encoder_dims: the encoder reads image, digit and thickness together; everything else is as given."""

import pytest

from graders.thickness_cvae.layers import first_width, given_layers


@pytest.mark.points(7)
def test_first_layer(submission):
    """The first encoder layer is as wide as image and both conditions together, for every latent size."""
    first_width(submission, "encoder_fc1", lambda latent_dim: 784 + 13, "image, digit and thickness together")


@pytest.mark.points(3)
def test_given_layers(submission):
    """The encoder's other layers and its two heads are as given, and nothing is added to them."""
    given_layers(submission, lambda name: not name.startswith("decoder"))
