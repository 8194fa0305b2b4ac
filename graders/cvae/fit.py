"""Fit what a submission computed as a sum of few known functions, element by element."""

from collections.abc import Mapping
from itertools import combinations

import torch
from torch import Tensor

CLOSE = 1e-3  # of the size of what is fitted
ENOUGH = 12  # elements; fewer are fitted by anything
TELLING = 0.05  # an element of the right gradient that is smaller may be met by chance


def weights(wanted: Tensor, functions: Mapping[str, Tensor], most: int = 3) -> dict[str, float] | None:
    """The fewest of `functions` whose weighted sum is `wanted`, with their weights; None where no `most` of them are.

    All tensors are float64 of one length. Nothing at all, {}, explains zeros.
    """
    if len(wanted) < ENOUGH or not torch.isfinite(wanted).all():
        return None
    if not wanted.abs().max() > 1e-9:
        return {}
    for count in range(1, most + 1):
        fits = [(_fit(wanted, functions, names), names) for names in combinations(functions, count)]
        (error, found), names = min(fits, key=lambda fit: fit[0][0])
        if error <= CLOSE:
            return dict(zip(names, found, strict=True))
    return None


def _fit(wanted: Tensor, functions: Mapping[str, Tensor], names: tuple[str, ...]) -> tuple[float, list[float]]:
    """Relative error of the least-squares fit with `names`, and their weights."""
    columns = torch.stack([functions[name] for name in names], dim=1)
    found = torch.linalg.lstsq(columns, wanted[:, None]).solution
    error = (columns @ found)[:, 0] - wanted
    return float(error.norm() / wanted.norm()), found[:, 0].tolist()


def is_limited(got: Tensor, right: Tensor, of: Tensor, beyond: Tensor) -> bool:
    """Whether `got` is `right` but where a limit is put on `of`: below a value, above one, or far out.

    There `beyond` must be the same everywhere. Elements count that are far enough from 0 to tell.
    """
    clear = right.abs() > TELLING
    wrong = clear & ((got - right).abs() > CLOSE * (1 + right.abs()))
    inside, outside = of[clear & ~wrong], of[wrong]
    if len(inside) < ENOUGH or len(outside) == 0 or inside.min() == inside.max():
        return False
    ordered = outside.min() > inside.max() or outside.max() < inside.min() or outside.abs().min() > inside.abs().max()
    return bool(ordered and (beyond[wrong] - beyond[wrong][0]).abs().max() < CLOSE)


def agree(got: Tensor, right: Tensor) -> bool:
    return bool(((got - right).abs() <= CLOSE * (1e-6 + right.abs().mean() + right.abs())).all())
