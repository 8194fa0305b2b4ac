"""Task decode: latent code and label reach the layers, in this order; judged on layers that the grader attaches."""

import pytest
from hypothesis import given

from graders.conditional_vae import halves, inputs
from graders.conditional_vae.halves import DECODER


@pytest.mark.points(3)
def test_first_layer(submission):
    """The first layer reads the latent code and then the label, row by row."""
    halves.first_layer(DECODER, submission)


@pytest.mark.points(2)
@inputs.PROFILE
@given(batch=inputs.BATCHES, latent_dim=inputs.LATENTS, seed=inputs.SEEDS)
def test_agrees(submission, batch, latent_dim, seed):
    """The output is what the given layers compute, for any batch and latent size."""
    halves.agrees(DECODER, submission, batch, latent_dim, seed)


@pytest.mark.points(1)
def test_label_matters(submission):
    """Another label gives another output."""
    halves.label_matters(DECODER, submission)


@pytest.mark.points(1)
def test_rows_independent(submission):
    """A row's output does not depend on the other rows of the batch."""
    halves.rows_independent(DECODER, submission)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """The inputs are left as they came, and no layer is added."""
    halves.nothing_changed(DECODER, submission)


@pytest.mark.points(2)
def test_gradients(submission):
    """Gradients reach the inputs and every layer."""
    halves.gradients(DECODER, submission)
