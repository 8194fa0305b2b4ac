"""Say what became of a part, rows of numbers, on its way into a layer."""

import torch
from torch import Tensor

from cvaekit.compare import close

TREATED = "The layer is to get the numbers as they came. What is done to them before?"
TURNED = "Both halves of the network and all of the data count the places of a row alike. Is their order kept?"
OTHERS = "Each row needs what belongs to it. Are its own numbers looked up, or another row's?"
LEFT_EMPTY = "There is room for it in the row. What is written into that room?"
ONE_NUMBER = "A one-hot row has a place for each class. What would the layer have to do with a number that names one?"
LIMITED = "Is a limit put on something that has none in the starter?"


def difference(got: Tensor, wanted: Tensor) -> tuple[str, str] | None:
    """How `got` differs from `wanted`, as the end of a sentence, and a hint; None where no single step leads there.

    got, wanted: (rows, columns), the same shape and not close.
    """
    if not torch.isfinite(got).all():
        return None
    if got.abs().max() == 0:
        return "is zero", LEFT_EMPTY
    if got.min() == got.max():
        return "is the same number everywhere", LEFT_EMPTY
    if bool((got == got[:, :1]).all()):
        return "holds one number in all of its columns", ONE_NUMBER
    if close(got, -wanted, 1e-5):
        return "came with the opposite sign", TREATED
    if _is_limited(got, wanted):
        return "was cut off at a limit", LIMITED
    moved, right = got - got.mean(), wanted - wanted.mean()
    if close(moved, float((moved * right).sum() / right.square().sum()) * right, 1e-5):
        return "came on another scale, or moved", TREATED
    of_rows, of_columns = _all_there(got, wanted), _all_there(got.T, wanted.T)
    if of_rows == of_columns:  # none, or it cannot be told
        return None
    return ("is that of other rows", OTHERS) if of_rows else ("has its columns in another order", TURNED)


def _all_there(got: Tensor, wanted: Tensor) -> bool:
    """Whether every row of `got` is some row of `wanted`."""
    return all(any(close(row, other, 1e-5) for other in wanted) for row in got)


def _is_limited(got: Tensor, wanted: Tensor) -> bool:
    wrong = (got - wanted).abs() > 1e-5
    if wrong.all() or not wrong.any():
        return False
    low, high = float(got.min()), float(got.max())
    return close(got, wanted.clamp(low, high), 1e-5) and bool(((got == low) | (got == high))[wrong].all())
