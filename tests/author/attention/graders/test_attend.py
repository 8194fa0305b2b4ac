"""Task attend."""

import pytest
import torch
from reference.attention.attention import attend, causal_mask

from cvaekit.compare import close
from cvaekit.grading.failure import Failure

WANTED = "for each query a mean of the values, weighted by a softmax of its scaled products with the keys"


def compare(submission, masked):
    source = torch.Generator().manual_seed(3)
    query, key, value = (torch.randn(2, 5, width, generator=source) for width in (16, 16, 3))
    mask = causal_mask(5) if masked else None
    called = f"attend(query, key, value{', mask' if masked else ''}) with 5 words of 16 numbers"
    found = submission.ask("attend", called, wanted=WANTED, query=query, key=key, value=value, mask=mask)
    if not close(found, attend(query, key, value, mask)):
        raise Failure(called, "other values", WANTED)


@pytest.mark.core
@pytest.mark.points(12)
def test_without_a_mask(submission):
    """Every word looks at all words."""
    compare(submission, masked=False)


@pytest.mark.core
@pytest.mark.points(8)
def test_with_a_mask(submission):
    """What is masked has no weight."""
    compare(submission, masked=True)
