"""Task kl_per_unit: one number for each latent unit, averaged over images."""

import pytest
import torch

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.cvae.network import shape_of
from graders.explore_cvae import inputs


def compare(submission, count, latent_dim, seed, make=inputs.batch):
    example = make(count, latent_dim, seed)
    called = f"kl_per_unit(mu, logvar) of {count} images with {latent_dim} latent units"
    wanted = "one number of nats for each unit, averaged over images"
    found = submission.ask("per_unit", called, wanted=wanted, inputs=example[2:])["kl"]
    if found.shape != (latent_dim,):
        raise Failure(called, shape_of(found), "a tensor of shape (latent_dim,)")
    right = inputs.units(example)
    if not close(found, right.float()):
        hint = "Is the number right for one image and one unit? If so: what is done along the axis of images?"
        for scale, said in ((count, "smaller"), (1 / count, "larger"), (-1.0, "of the other sign")):
            if close(found * scale, right.float(), 1e-3):
                hint = f"All are {said} by the same factor. What was done along the axis of images?"
        raise Failure(called, "other values", wanted, hint)


@pytest.mark.core
@pytest.mark.points(6)
def test_values(submission):
    """Each unit's KL has the value of the formula."""
    compare(submission, 37, 5, 23)
    compare(submission, 12, 16, 29)


@pytest.mark.points(3)
def test_few(submission):
    """A single image, a single unit, as many images as units, and codes far from the prior."""
    compare(submission, 1, 4, 31)
    compare(submission, 9, 1, 37)
    compare(submission, 6, 6, 41)
    compare(submission, 5, 3, 47, inputs.far)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """mu and logvar are left as they came."""
    example = inputs.batch(4, 3, 43)[2:]
    called = "kl_per_unit(mu, logvar)"
    after = submission.ask("per_unit", called, wanted="one number for each unit", inputs=example)["after"]
    if not all(map(torch.equal, after, example)):
        raise Failure(called, "a tensor was overwritten", "tensors that are left as they came")
