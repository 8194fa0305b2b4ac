"""Warm caches before forking: import packages and probes, and use once whatever torch loads lazily."""

import gc
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cvaekit import content
from cvaekit.sandbox.builtin_probes import BUILTIN

# Packages imported ahead of a submission that uses them. The list is fixed: no other name in a submission is imported.
PACKAGES = {
    "numpy": ("numpy",),
    "scipy": ("scipy", "scipy.stats", "scipy.ndimage"),
    "skimage": ("skimage.morphology", "skimage.transform"),
    "torchvision": ("torchvision", "torchvision.datasets", "torchvision.transforms", "torchvision.utils"),
    "matplotlib": ("matplotlib", "matplotlib.pyplot"),
    "pandas": ("pandas",),
    "sklearn": ("sklearn",),
    "seaborn": ("seaborn",),
    "einops": ("einops",),
    "tqdm": ("tqdm", "tqdm.auto"),
    "PIL": ("PIL", "PIL.Image"),
    "IPython": ("IPython.display",),
    "use_deterministic_algorithms": ("torch._inductor.config",),  # its import needs a writable folder
    "optim": ("torch._dynamo",),  # imported by the first optimizer of a process; takes three seconds
}


def import_torch() -> None:
    """Import torch, and the modules that most submissions use."""
    import torch

    torch.set_num_threads(1)
    for name in ("torch.distributions", "torch.utils.data", "numpy.random", "dataclasses", "inspect"):
        importlib.import_module(name)


def warm_up_torch() -> None:
    """Run once the functions that torch initialises at their first use."""
    import numpy
    import torch
    from torch import nn
    from torch.nn import functional

    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8), nn.Sigmoid())
    x = torch.rand(3, 8)
    loss = functional.binary_cross_entropy(model(x), x, reduction="sum") + functional.mse_loss(model(x), x)
    torch.autograd.backward(loss)
    mean, log_scale = torch.zeros(3, 2, requires_grad=True), torch.zeros(3, 2, requires_grad=True)
    normal = torch.distributions.Normal(mean, log_scale.exp())
    divergence = torch.distributions.kl_divergence(normal, torch.distributions.Normal(0.0, 1.0)).sum()
    total = divergence + normal.rsample().sum() + torch.normal(mean, log_scale.exp()).sum()
    torch.autograd.grad(total, [mean, log_scale])
    torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)).rsample()
    functional.one_hot(torch.tensor([1, 3]), num_classes=5).float()
    torch.autograd.backward(nn.Conv2d(1, 2, 3)(torch.rand(1, 1, 8, 8)).sum())
    functional.binary_cross_entropy_with_logits(x, x)
    torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=2, shuffle=True)
    numpy.random.default_rng(0).normal(size=3)
    numpy.random.seed(0)
    torch.manual_seed(0)


def import_packages(names: Iterable[str]) -> bool:
    """Import the packages of `names` that are listed in PACKAGES; return whether every import succeeded."""
    worked = True
    for name in names:
        for module in PACKAGES.get(name, ()):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    importlib.import_module(module)
            except Exception:  # not installed, or broken: the submission's own import will fail with the reason
                worked = False
                break
    return worked


def load_probes(path: str, kit: str) -> dict[str, Callable[..., Any]]:
    """Import the probes file `path`, and return the functions that its FORMS names, with the built-in ones, by name.

    kit: the folder whose packages `graders` and `reference` the file imports from.
    """
    content.bind(Path(kit))
    name = f"graders.{Path(path).parent.name}.probes"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return BUILTIN | {probe: getattr(module, probe) for probe in module.FORMS}


def freeze_objects() -> None:
    """Exempt all present objects from garbage collection, which would copy the pages that forks share."""
    gc.collect()
    gc.freeze()
