"""Questions to a whole conditional VAE: what its constructor, its sampling and its `forward` make."""

import random
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from cvaekit.sandbox.probe import Unexpected, call, describe
from graders.cvae.probes import Adam, attach, named_parameters, negative_elbo, new_model

OUTPUTS = [Tensor, Tensor, Tensor]  # reconstruction, mu, logvar
FORMS: dict[str, Any] = {
    "forward": {"outputs": OUTPUTS, "parts": OUTPUTS, "repeated": OUTPUTS},
    "fresh": OUTPUTS,
    "draws": object,
}


def forward(
    module: Any,
    model: str,
    attributes: dict[str, int],
    images: Tensor,
    conditions: list[Tensor],
    widths: list[int],
    latent_dim: int,
    weights: dict[str, Tensor],
) -> dict[str, Any]:
    """Call `forward` on the grader's layers, and then, twice, the parts that it is made of: encode, sample, decode.

    images: (batch, 784); conditions: (batch,) int64 each; widths: those of their one-hot codes. All three start from
    the same random numbers.
    """
    made = new_model(module, model, attributes, latent_dim)
    call(attach, made, weights)
    onehots = [nn.functional.one_hot(classes, width).float() for classes, width in zip(conditions, widths, strict=True)]
    state = _random_state()
    outputs = _three("forward", call(made, images.clone(), *(classes.clone() for classes in conditions)))
    found = {"outputs": outputs}

    def parts() -> Any:
        mu, logvar = made.encode(images.clone(), *onehots)
        return made.decode(made.reparameterize(mu, logvar), *onehots), mu, logvar

    for name in ("parts", "repeated"):
        _restore(state)
        found[name] = _three("one of its parts", call(parts))
    return {name: [tensor.detach() for tensor in tensors] for name, tensors in found.items()}


def fresh(
    module: Any, model: str, images: Tensor, conditions: list[Tensor], latent_dim: int, steps: int
) -> list[Tensor]:
    """`forward` of a new model after a few steps of Adam from the weights of its own constructor.

    The steps are there for layers that start at zero on purpose, which is no fault where they can leave it.
    """
    made = call(lambda: getattr(module, model)(latent_dim=latent_dim))
    if not isinstance(made, nn.Module):
        raise Unexpected(describe(made))
    optimizer = Adam([parameter for _, parameter in named_parameters(made)], 1e-3)
    for _ in range(steps):
        reconstruction, mu, logvar = _three("forward", call(made, images, *conditions))
        if not all(torch.isfinite(output).all() for output in (reconstruction, mu, logvar)):
            break
        call(made.zero_grad)
        call(lambda: negative_elbo(reconstruction, images, mu, logvar).backward())  # noqa: B023 - called at once
        call(optimizer.step)
    return [output.detach() for output in _three("forward", call(made, images, *conditions))]


def draws(module: Any, model: str, attributes: dict[str, int], mu: Tensor, logvar: Tensor) -> Any:
    """Samples of several calls in a row. mu, logvar: (calls, batch, latent_dim), as what comes back."""
    made = new_model(module, model, attributes, mu.shape[2])
    drawn = call(lambda: [made.reparameterize(*inputs) for inputs in zip(mu.clone(), logvar.clone(), strict=True)])
    if not all(isinstance(z, Tensor) and z.shape == mu.shape[1:] for z in drawn):
        return drawn[0]
    return call(torch.stack, drawn).detach()


def _three(what: str, found: Any) -> list[Tensor]:
    """Reconstruction, mu and logvar as they came back."""
    if not isinstance(found, tuple) or len(found) != 3 or not all(isinstance(part, Tensor) for part in found):
        raise Unexpected(f"{what} returned {describe(found)}")
    return list(found)


def _random_state() -> tuple[Any, ...]:
    return random.getstate(), np.random.get_state(), torch.get_rng_state()


def _restore(state: tuple[Any, ...]) -> None:
    random.setstate(state[0])
    np.random.set_state(state[1])
    torch.set_rng_state(state[2])
