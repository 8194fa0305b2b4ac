"""Questions to a submission of the Challenge; these functions run inside the locked worker, next to its code."""

from typing import Any

import torch
from torch import Tensor

from cvaekit.sandbox.probe import Unexpected, call, describe, number
from graders.cvae.model_probes import FORMS as WHOLE_MODEL
from graders.cvae.model_probes import draws, forward, fresh
from graders.cvae.probes import FORMS as SHARED
from graders.cvae.probes import half, parameters, train

__all__ = ["FORMS", "cuts", "draws", "forward", "fresh", "half", "labels", "parameters", "strokes", "train"]

FORMS: dict[str, Any] = (
    SHARED
    | WHOLE_MODEL
    | {
        "strokes": {"widths": [float], "images_after": Tensor},
        "cuts": {"cuts": [float], "widths_after": Tensor},
        "labels": {"labels": Tensor, "widths_after": Tensor},
    }
)


def strokes(module: Any, images: Tensor) -> dict[str, Any]:
    """`stroke_width` of each image. images: (n, 28, 28) in [0, 1]."""
    handed = images.clone()
    found = call(lambda: [number(module.stroke_width(image)) for image in handed])
    return {"widths": found, "images_after": handed}


def cuts(module: Any, widths: Tensor) -> dict[str, Any]:
    """`tercile_cuts` of widths (n,)."""
    handed = widths.clone()
    found = call(lambda: module.tercile_cuts(handed))
    if isinstance(found, Tensor) or hasattr(found, "tolist"):
        found = call(found.tolist)
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise Unexpected(describe(found))
    return {"cuts": call(lambda: [number(cut) for cut in found]), "widths_after": handed}


def labels(module: Any, widths: Tensor, cuts: list[float]) -> dict[str, Any]:
    """`thickness_labels` of widths (n,) with two cuts."""
    handed = widths.clone()
    found = call(lambda: module.thickness_labels(handed, tuple(cuts)))
    if isinstance(found, list) or type(found).__module__ == "numpy":
        found = call(torch.as_tensor, found)
    if not isinstance(found, Tensor):
        raise Unexpected(describe(found))
    return {"labels": found, "widths_after": handed}
