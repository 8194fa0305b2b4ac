"""What the zygote does once, so that no worker has to: imports, and the first use of whatever torch loads lazily."""

import gc
import importlib
import importlib.util
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

# What a submission may import at no cost. A fixed list: a name that a student wrote is never imported for its own sake.
PRELOADS = {
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
    """Use what submissions use."""
    import numpy
    import torch
    from torch import nn
    from torch.nn import functional

    model = nn.Sequential(nn.Linear(8, 4), nn.ReLU(), nn.Linear(4, 8), nn.Sigmoid())
    x = torch.rand(3, 8)
    loss = functional.binary_cross_entropy(model(x), x, reduction="sum") + functional.mse_loss(model(x), x)
    torch.autograd.backward(loss)
    mu, logvar = torch.zeros(3, 2, requires_grad=True), torch.zeros(3, 2, requires_grad=True)
    posterior = torch.distributions.Normal(mu, (0.5 * logvar).exp())
    kl = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum()
    torch.autograd.grad(kl + posterior.rsample().sum() + torch.normal(mu, logvar.exp()).sum(), [mu, logvar])
    torch.distributions.MultivariateNormal(torch.zeros(2), torch.eye(2)).rsample()
    functional.one_hot(torch.tensor([1, 3]), num_classes=5).float()
    torch.autograd.backward(nn.Conv2d(1, 2, 3)(torch.rand(1, 1, 8, 8)).sum())
    functional.binary_cross_entropy_with_logits(x, x)
    torch.utils.data.DataLoader(torch.utils.data.TensorDataset(x), batch_size=2, shuffle=True)
    numpy.random.default_rng(0).normal(size=3)
    numpy.random.seed(0)
    torch.manual_seed(0)


def preload(names: Iterable[str]) -> bool:
    """Import those of `names` that are on the list and installed; whether nothing failed."""
    worked = True
    for name in names:
        for module in PRELOADS.get(name, ()):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    importlib.import_module(module)
            except Exception:  # not installed, or broken: the submission's own import will say so
                worked = False
                break
    return worked


def load_probes(path: Path) -> dict[str, Callable[..., Any]]:
    """The public functions defined in a file of probes."""
    spec = importlib.util.spec_from_file_location(f"probes_of_{path.parent.name}", path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        name: value
        for name, value in vars(module).items()
        if callable(value) and not name.startswith("_") and getattr(value, "__module__", "") == module.__name__
    }


def settle() -> None:
    """Move what is alive out of the collector's reach, so that a worker's collections do not copy our pages."""
    gc.collect()
    gc.freeze()
