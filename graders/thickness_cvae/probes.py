"""What the grader asks of a submission. These functions run inside the locked worker, next to the student's code.

They hold nothing secret and decide nothing: each calls the submission and returns the values that came back.
`module` is always the imported submission. A probe may raise Unexpected when what came back cannot be used at all.
"""

from typing import Any

import torch
from torch import Tensor, nn

from graders.conditional_vae import probes as shared
from graders.sandbox.probing import Unexpected, describe, number

_GRADIENTS = ({str: (Tensor, None)}, None)
_HALF = {"outputs": object, "reached": [Tensor], "inputs_after": [Tensor], "gradients": _GRADIENTS}
# What each probe returns, for the grader to hold an answer against: see graders.checks.form.
FORMS: dict[str, Any] = {
    "parameters": {str: [int]},
    "encode": _HALF,
    "decode": _HALF,
    "strokes": {"widths": [float], "images_after": Tensor},
    "cuts": {"cuts": [float], "widths_after": Tensor},
    "labels": {"labels": Tensor, "widths_after": Tensor},
    "train": {"weights": {str: Tensor}, "steps": int},
}


def definitions(module: Any, names: list[str]) -> dict[str, str]:
    """What each dotted name of the submission is: "class", "function", "missing", or a description of the value."""
    return shared.definitions(module, names)


def strokes(module: Any, images: Tensor) -> dict[str, Any]:
    """`stroke_width` of each image. images: (n, 28, 28) in [0, 1]."""
    handed = images.clone()
    return {"widths": [number(module.stroke_width(image)) for image in handed], "images_after": handed}


def cuts(module: Any, widths: Tensor) -> dict[str, Any]:
    """`tercile_cuts` of widths (n,)."""
    handed = widths.clone()
    found = module.tercile_cuts(handed)
    if isinstance(found, Tensor) or hasattr(found, "tolist"):
        found = found.tolist()
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise Unexpected(describe(found))
    return {"cuts": [number(cut) for cut in found], "widths_after": handed}


def labels(module: Any, widths: Tensor, cuts: list[float]) -> dict[str, Any]:
    """`thickness_labels` of widths (n,) with two cuts."""
    handed = widths.clone()
    found = module.thickness_labels(handed, tuple(cuts))
    if isinstance(found, list) or type(found).__module__ == "numpy":
        found = torch.as_tensor(found)
    if not isinstance(found, Tensor):
        raise Unexpected(describe(found))
    return {"labels": found, "widths_after": handed}


def _model(module: Any, latent_dim: int) -> Any:
    """A ThicknessCVAE; a bare one where the constructor is broken, which is judged by the tasks on layer widths."""
    try:
        with shared._lenient_layers():
            return module.ThicknessCVAE(latent_dim=latent_dim)
    except Exception:
        model = module.ThicknessCVAE.__new__(module.ThicknessCVAE)
        if isinstance(model, nn.Module):
            nn.Module.__init__(model)
        model.latent_dim, model.num_digits, model.num_thicknesses = latent_dim, 10, 3
        return model


def parameters(module: Any, latent_dim: int) -> dict[str, list[int]]:
    """Names and shapes of all parameters of a new model."""
    with shared._lenient_layers():
        model = module.ThicknessCVAE(latent_dim=latent_dim)
    if not isinstance(model, nn.Module):
        raise Unexpected(describe(model))
    return {name: list(parameter.shape) for name, parameter in model.named_parameters()}


def encode(module: Any, inputs: list[Tensor], latent_dim: int, weights: dict[str, Tensor]) -> dict[str, Any]:
    """`encode` on the grader's layers. inputs: x (batch, 784), digit (batch, 10), thickness (batch, 3)."""
    return _half(module, "encode", "encoder_fc1", inputs, latent_dim, weights)


def decode(module: Any, inputs: list[Tensor], latent_dim: int, weights: dict[str, Tensor]) -> dict[str, Any]:
    """`decode` on the grader's layers. inputs: z (batch, latent_dim), digit (batch, 10), thickness (batch, 3)."""
    return _half(module, "decode", "decoder_fc1", inputs, latent_dim, weights)


class _WrongWidthError(Exception):
    """The first layer was handed rows of another width than its own."""


def _half(
    module: Any, method: str, first: str, inputs: list[Tensor], latent_dim: int, weights: dict[str, Tensor]
) -> dict[str, Any]:
    """Call `method`; its outputs, what reached the layer `first`, the inputs afterwards, and the gradients of a fixed
    weighted sum of the outputs."""
    model = _model(module, latent_dim)
    for name in sorted({key.rpartition(".")[0] for key in weights}):
        height, width = weights[f"{name}.weight"].shape
        layer = getattr(model, name, None)
        if not isinstance(layer, nn.Linear):
            layer = nn.Linear(width, height)
            setattr(model, name, layer)
        layer.in_features, layer.out_features = width, height
        layer.weight = nn.Parameter(weights[f"{name}.weight"].clone())
        layer.bias = nn.Parameter(weights[f"{name}.bias"].clone())
    reached: list[Tensor] = []

    def capture(layer: nn.Linear, arguments: tuple[Any, ...]) -> None:
        if arguments and isinstance(arguments[0], Tensor):
            reached.append(arguments[0].detach().clone())
            if arguments[0].shape[-1] != layer.in_features:  # torch's message would give the right width away
                raise _WrongWidthError

    hook = getattr(model, first).register_forward_pre_hook(capture)
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    handed = [leaf * 1.0 for leaf in leaves]  # not leaves, so that an in-place edit shows as such and not as an error
    outputs: Any = None
    try:
        outputs = getattr(model, method)(*handed)
    except _WrongWidthError:
        pass  # what was handed over is on record, and says it all
    finally:
        hook.remove()
    result: dict[str, Any] = {
        "outputs": outputs,
        "reached": reached[:1],
        "inputs_after": [tensor.detach() for tensor in handed],
    }
    tensors = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    if all(isinstance(tensor, Tensor) and tensor.requires_grad for tensor in tensors):
        total = sum((tensor * shared.ramp(tensor)).sum() for tensor in tensors)
        found = torch.autograd.grad(total, leaves, allow_unused=True)
        result["gradients"] = dict(zip(("first", "digit", "thickness"), found, strict=True))
    return result


def train(
    module: Any,
    images: Tensor,
    digits: Tensor,
    thicknesses: Tensor,
    start: dict[str, Tensor],
    latent_dim: int,
    steps: int,
    batch: int,
    learning_rate: float,
) -> dict[str, Any]:
    """A short training run with Adam from the weights `start`, on the negative ELBO; the trained weights by name.

    images: (n, 784) uint8; digits, thicknesses: (n,) int64. Start and batches are the same for everybody. Stops early
    when the loss is no longer a finite number.
    """
    model = module.ThicknessCVAE(latent_dim=latent_dim)
    if not isinstance(model, nn.Module):
        raise Unexpected(describe(model))
    own = model.state_dict()
    fitting = {name: tensor for name, tensor in start.items() if name in own and own[name].shape == tensor.shape}
    model.load_state_dict(fitting, strict=False)
    images = images.float() / 255
    optimizer = shared._Adam(list(model.parameters()), learning_rate)
    shuffle = torch.Generator().manual_seed(1)
    rounds = steps * batch // len(images) + 1
    order = torch.cat([torch.randperm(len(images), generator=shuffle) for _ in range(rounds)])
    model.train()
    for step in range(steps):
        chosen = order[step * batch : (step + 1) * batch]
        outputs = model(images[chosen], digits[chosen], thicknesses[chosen])
        if not isinstance(outputs, tuple) or len(outputs) != 3:
            raise Unexpected(f"forward returned {describe(outputs)}")
        reconstruction, mu, logvar = outputs
        loss = nn.functional.binary_cross_entropy(reconstruction, images[chosen], reduction="sum")
        loss = loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
        if not torch.isfinite(loss):
            return {"weights": {}, "steps": step}
        model.zero_grad()
        loss.backward()
        optimizer.step()
    return {"weights": {name: parameter.detach() for name, parameter in model.named_parameters()}, "steps": steps}
