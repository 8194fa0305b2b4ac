"""Check the work: run `pytest` in this folder, at any time."""

import pytest
import torch
from exercise import Exercise, Wrong, told

EXERCISE = Exercise(__file__)


@pytest.fixture(scope="session", autouse=True)
def work(request):
    return EXERCISE.begin(request.config)


@EXERCISE.judged
def test_causal_mask(work):
    found = work.ask("causal_mask(3)", work.module.causal_mask, 3, wanted="a tensor")
    if not isinstance(found, torch.Tensor) or found.tolist() != [[True, False, False], [True, True, False], [True] * 3]:
        raise Wrong("causal_mask(3)", told(found), "True for the word itself and for all earlier ones")


@EXERCISE.judged
def test_attend(work):
    x = torch.eye(3)
    found = work.ask("attend(x, x, x)", work.module.attend, x, x, x, wanted="a tensor")
    if not isinstance(found, torch.Tensor) or not torch.allclose(found.sum(-1), torch.ones(3)):
        raise Wrong("attend(x, x, x)", told(found), "weights that add up to one for each query")
