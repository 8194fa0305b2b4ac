"""Task decode: latent code, digit and thickness reach given layers, in this order."""

import pytest
from hypothesis import given

from graders.conditional_vae.inputs import BATCHES, LATENTS, PROFILE, SEEDS
from graders.thickness_cvae import halves
from graders.thickness_cvae.halves import DECODER


@pytest.mark.points(4)
def test_first_layer(submission):
    """The first layer reads the latent code, then the digit, then the thickness, row by row."""
    halves.first_layer(DECODER, submission)


@pytest.mark.points(2)
@PROFILE
@given(batch=BATCHES, latent_dim=LATENTS, seed=SEEDS)
def test_agrees(submission, batch, latent_dim, seed):
    """The output is what the given layers compute, for any batch and latent size."""
    halves.agrees(DECODER, submission, batch, latent_dim, seed)


@pytest.mark.points(1)
def test_conditions_matter(submission):
    """Another digit gives another output, and so does another thickness."""
    halves.conditions_matter(DECODER, submission)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The inputs are left as they came."""
    halves.nothing_changed(DECODER, submission)


@pytest.mark.points(2)
def test_gradients(submission):
    """Gradients reach the input and both conditions."""
    halves.gradients(DECODER, submission)
