"""Warm caches before forking: import packages, and use once whatever torch loads lazily."""

import gc
import importlib
import importlib.util
import sys
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from cvaekit import content

# What a submission may import at no cost. A fixed list: a name that a student wrote is never imported for its own sake.
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
    "use_deterministic_algorithms": ("torch._inductor.config",),  # which asks for a writable folder
    "optim": ("torch._dynamo",),  # what the first optimizer of a process imports; three seconds
}


def import_torch() -> None:
    import torch

    torch.set_num_threads(1)
    for name in ("torch.distributions", "torch.utils.data", "numpy.random", "dataclasses", "inspect"):
        importlib.import_module(name)


def exercise() -> None:
    """Run once what torch initialises at its first use."""
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
    """Import those of `names` that are on the list and installed; return whether nothing failed."""
    worked = True
    for name in names:
        for module in PACKAGES.get(name, ()):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    importlib.import_module(module)
            except Exception:  # not installed, or broken: the submission's own import will say so
                worked = False
                break
    return worked


def load_probes(path: str, kit: str) -> dict[str, Callable[..., Any]]:
    """Load the functions that FORMS of the file `path` names; what they import is taken from the folder `kit`."""
    content.bind(Path(kit))
    name = f"graders.{Path(path).parent.name}.probes"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {probe: getattr(module, probe) for probe in module.FORMS}


def settle() -> None:
    """Exempt all objects alive from garbage collection, so that a worker's collections do not copy shared pages."""
    gc.collect()
    gc.freeze()
