"""Task causal_mask."""

import pytest
import torch

from cvaekit.grading.failure import Failure


@pytest.mark.core
@pytest.mark.points(10)
def test_values(submission):
    """True where a word may look: at itself and at earlier words."""
    for length in (4, 7):
        called = f"causal_mask({length})"
        found = submission.ask("causal_mask", called, wanted="a boolean tensor", length=length)
        right = torch.tril(torch.ones(length, length)).bool()
        if found.shape != right.shape or not torch.equal(found.bool(), right):
            raise Failure(called, "another mask", "True for the word itself and for all earlier ones")
