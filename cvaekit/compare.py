"""Compare answers, with tolerances for what honest float32 arithmetic may differ in."""

import math
from typing import Any

import torch
from torch import Tensor

from cvaekit.sandbox import Raised, SubmissionFailure, WrongReturn


def close(got: object, wanted: Tensor, tolerance: float = 1e-4) -> bool:
    """Whether `got` is a tensor equal to `wanted` within `tolerance`, relative to the size of wanted's elements."""
    if not isinstance(got, Tensor) or got.shape != wanted.shape or not got.is_floating_point():
        return False
    scale = wanted.double().abs().mean().clamp(min=1e-3)
    return bool(((got.double() - wanted.double()).abs() <= tolerance * (scale + wanted.double().abs())).all())


def same(one: Any, other: Any) -> bool:
    """Whether two answers of one probe agree: in kind, shape and number type exactly, in numbers as `close` has it.

    Exceptions agree in type and message. A process that ended or hung agrees with nothing.
    """
    if isinstance(one, Tensor) and isinstance(other, Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and _same_numbers(one, other)
    if isinstance(one, float) and isinstance(other, float):
        if not (math.isfinite(one) and math.isfinite(other)):
            return repr(one) == repr(other)  # nan is nan here
        return abs(one - other) <= 1e-4 * max(1e-3, abs(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, SubmissionFailure):
        return type(one) is type(other) and isinstance(one, (Raised, WrongReturn)) and str(one) == str(other)
    return bool(type(one) is type(other) and one == other)


def _same_numbers(one: Tensor, other: Tensor) -> bool:
    if not other.is_floating_point():
        return bool((one == other).all())
    finite = other.isfinite()
    if not torch.equal(one.isfinite(), finite) or not torch.equal(
        one[~finite].nan_to_num(), other[~finite].nan_to_num()
    ):
        return False
    return close(one[finite], other[finite]) if finite.any() else True
