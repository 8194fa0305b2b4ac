"""Questions to a submission of Exercise 3. These functions run inside the locked worker, next to the student's code."""

from typing import Any

import torch
from torch import Tensor, nn

from cvaekit.sandbox.probe import Unexpected, call, describe
from graders.cvae.model_probes import FORMS as WHOLE_MODEL
from graders.cvae.model_probes import draws, forward, fresh
from graders.cvae.probes import FORMS as SHARED
from graders.cvae.probes import GRADIENTS, half, new_model, parameters, train

__all__ = ["FORMS", "draws", "eval_mode", "forward", "fresh", "half", "loss", "parameters", "reparameterize", "train"]

FORMS: dict[str, Any] = (
    SHARED
    | WHOLE_MODEL
    | {
        "reparameterize": {"z": object, "inputs_after": [Tensor, Tensor], "gradients": GRADIENTS},
        "loss": {"value": float, "shape": [int], "gradients": GRADIENTS},
        "eval_mode": object,
    }
)


def reparameterize(module: Any, model: str, attributes: dict[str, int], mu: Tensor, logvar: Tensor) -> dict[str, Any]:
    """One draw in train mode with its gradients. mu, logvar: (batch, latent_dim)."""
    made = new_model(module, model, attributes, mu.shape[1])
    leaves = [mu.clone().requires_grad_(), logvar.clone().requires_grad_()]
    handed = [leaf * 1.0 for leaf in leaves]
    z = call(lambda: made.reparameterize(*handed))
    result = {"z": z, "inputs_after": [tensor.detach() for tensor in handed]}
    if isinstance(z, Tensor) and z.requires_grad:
        gradients = call(lambda: torch.autograd.grad(z.sum(), leaves, allow_unused=True))
        result["gradients"] = dict(zip(("mu", "logvar"), gradients, strict=True))
    return result


def loss(module: Any, reconstruction: Tensor, original: Tensor, mu: Tensor, logvar: Tensor) -> dict[str, Any]:
    """`cvae_loss` of one batch with its gradients.

    A result that is not one number is averaged here, so that a term with a missing reduction does not also hide the
    other term; its shape travels with it.
    """
    leaves = {"reconstruction": reconstruction, "mu": mu, "logvar": logvar}
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in leaves.items()}
    handed = {name: leaf * 1.0 for name, leaf in leaves.items()}
    value = call(lambda: module.cvae_loss(handed["reconstruction"], original, handed["mu"], handed["logvar"]))
    if isinstance(value, (int, float)):
        return {"value": call(float, value), "shape": [], "gradients": None}
    if not isinstance(value, Tensor):
        raise Unexpected(describe(value))
    gradients: dict[str, Any] | None = None
    if value.requires_grad:
        mean = call(lambda: value.double().mean())
        found = call(torch.autograd.grad, mean, list(leaves.values()), allow_unused=True)
        gradients = dict(zip(leaves, found, strict=True))
    number = call(lambda: float(value.detach().double().mean()))
    return {"value": number, "shape": list(value.shape), "gradients": gradients}


def eval_mode(module: Any, model: str, attributes: dict[str, int], mu: Tensor, logvar: Tensor) -> Any:
    """One draw in eval mode, for a remark that costs nothing."""
    made = new_model(module, model, attributes, mu.shape[1])
    if isinstance(made, nn.Module):
        call(made.eval)
    return call(lambda: made.reparameterize(mu, logvar))
