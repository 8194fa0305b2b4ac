"""Task active_units: units whose posterior mean varies over the images (Burda, Grosse, Salakhutdinov 2016)."""

import pytest
import torch

from cvaekit.grading.failure import Failure
from graders.explore_cvae import inputs

WANTED = "how many units have a mean that varies: a variance over the images above the threshold"


def compare(submission, active, asleep, count=200, seed=47, **threshold):
    means = inputs.means(active, asleep, count, seed)
    right = int((means.double().var(0) > threshold.get("threshold", 0.01)).sum())
    more = f", {threshold['threshold']:g}" if threshold else ""
    called = f"active_units(mu{more}) of {count} images with {active + asleep} latent units"
    found = submission.ask("active", called, wanted="a whole number", mu=means, **threshold)["active"]
    if found != right:
        relation = "few" if found < right else "many"
        raise Failure(called, f"{found}, too {relation}", WANTED)


@pytest.mark.core
@pytest.mark.points(5)
def test_count(submission):
    """Units that vary are counted, wherever the others rest."""
    compare(submission, 5, 3)
    compare(submission, 2, 14, seed=53)


@pytest.mark.points(3)
def test_all_or_none(submission):
    """A collapsed model has no active unit, and a small one may use all."""
    compare(submission, 0, 6, seed=59)
    compare(submission, 7, 0, seed=61)


@pytest.mark.points(1)
def test_threshold(submission):
    """The threshold is the caller's choice."""
    compare(submission, 8, 4, seed=67, threshold=0.5)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """mu is left as it came."""
    means = inputs.means(3, 3, 50, 71)
    called = "active_units(mu)"
    after = submission.ask("active", called, wanted="a whole number", mu=means)["after"]
    if not torch.equal(after, means):
        raise Failure(called, "mu was overwritten", "a tensor that is left as it came")
