"""Task encode: image and label reach the layers, in this order; judged on layers that the grader attaches."""

import pytest
from hypothesis import given

from graders.conditional_vae.network import NETWORK
from graders.cvae.conditioning import Conditioning
from graders.cvae.examples import BATCHES, LATENTS, PROFILE, SEEDS
from graders.cvae.network import ENCODER

HALF = Conditioning(NETWORK, ENCODER)


@pytest.mark.core
@pytest.mark.points(3)
def test_first_layer(submission):
    """The first layer reads the image and then the label, row by row."""
    HALF.first_layer(submission)


@pytest.mark.core
@pytest.mark.points(2)
@PROFILE
@given(batch=BATCHES, latent_dim=LATENTS, seed=SEEDS)
def test_agrees(submission, batch, latent_dim, seed):
    """The output is what the given layers compute, for any batch and latent size."""
    HALF.agrees(submission, batch, latent_dim, seed)


@pytest.mark.points(1)
def test_far_from_origin(submission):
    """Large numbers pass as they are: the output is still what the given layers compute."""
    HALF.far_from_origin(submission)


@pytest.mark.core
@pytest.mark.points(1)
def test_label_matters(submission):
    """Another label gives another output."""
    HALF.conditions_matter(submission)


@pytest.mark.points(1)
def test_rows_independent(submission):
    """A row's output does not depend on the other rows of the batch."""
    HALF.rows_independent(submission)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The inputs are left as they came, and no layer is added."""
    HALF.nothing_changed(submission)


@pytest.mark.points(1)
def test_gradients(submission):
    """Gradients reach the input and every layer."""
    HALF.gradients(submission)
