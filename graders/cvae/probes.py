"""Questions to a conditional VAE. These functions run inside the locked worker, next to the student's code.

They hold nothing secret and decide nothing: each calls the submission and returns the values that came back. `module`
is the imported submission, `model` the name of its class, `attributes` what a bare model needs besides its layers.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from cvaekit.sandbox.probe import Unexpected, call, describe

# Taken before a submission is imported, and called past it: what it says of its own parameters is testimony.
named_parameters = nn.Module.named_parameters
GRADIENTS = ({str: (Tensor, None)}, None)
# What each probe returns, for the grader to hold an answer against: see cvaekit.grading.form.
FORMS: dict[str, Any] = {
    "parameters": {str: [int]},
    "half": {
        "outputs": object,
        "reached": [Tensor],
        "inputs_after": [Tensor],
        "built": [str],
        "gradients": GRADIENTS,
    },
    "train": {"weights": {str: Tensor}, "steps": int},
}


@contextmanager
def lenient_layers() -> Iterator[None]:
    """Let `nn.Linear(..., 256)` pass as one input, so that an open gap in one half leaves the other half gradable.

    Layers start at zero meanwhile: the values are not looked at, and drawing them takes most of the time.
    """
    original, start = nn.Linear.__init__, nn.Linear.reset_parameters

    def tolerant(self: nn.Linear, in_features: Any, out_features: Any, *args: Any, **kwargs: Any) -> None:
        inputs, outputs = (1 if width is Ellipsis else width for width in (in_features, out_features))
        original(self, inputs, outputs, *args, **kwargs)

    def zero(self: nn.Linear) -> None:
        for parameter in self.parameters():
            nn.init.zeros_(parameter)

    nn.Linear.__init__, nn.Linear.reset_parameters = tolerant, zero  # type: ignore[method-assign]  # undone below
    try:
        yield
    finally:
        nn.Linear.__init__, nn.Linear.reset_parameters = original, start  # type: ignore[method-assign]


def construct(module: Any, model: str, latent_dim: int) -> Any:
    """A model as the submission's constructor makes it."""
    with lenient_layers():
        return call(lambda: getattr(module, model)(latent_dim=latent_dim))


def new_model(module: Any, model: str, attributes: dict[str, int], latent_dim: int) -> Any:
    """A new model, whatever the state of its constructor: as that makes it, or else a bare object.

    The constructor is preferred because a right solution may create helpers in it. A broken one is judged by the tasks
    on layer widths, and only there. Every question gets a new model, so that none depends on those before it.
    """
    try:
        with lenient_layers():
            return getattr(module, model)(latent_dim=latent_dim)
    except Exception:
        return call(_bare, getattr(module, model), {"latent_dim": latent_dim, **attributes})


def _bare(kind: Any, attributes: dict[str, int]) -> Any:
    model = kind.__new__(kind)
    if isinstance(model, nn.Module):
        nn.Module.__init__(model)
    for name, value in attributes.items():
        setattr(model, name, value)
    return model


def parameters(module: Any, model: str, latent_dim: int) -> dict[str, list[int]]:
    """Names and shapes of all parameters of a new model."""
    made = construct(module, model, latent_dim)
    if not isinstance(made, nn.Module):
        raise Unexpected(describe(made))
    return call(lambda: {str(name): list(parameter.shape) for name, parameter in named_parameters(made)})


def attach(model: Any, weights: dict[str, Tensor]) -> dict[str, nn.Linear]:
    """Give the layers of `model` the grader's weights: `<layer>.weight` and `<layer>.bias`.

    A layer that the constructor made keeps its identity, since the submission may reach it by another way than its
    name; its width gives way to that of the weights.
    """
    layers = {}
    for name in sorted({key.rpartition(".")[0] for key in weights}):
        outputs, inputs = weights[f"{name}.weight"].shape
        layer = getattr(model, name, None)
        if not isinstance(layer, nn.Linear):
            layer = nn.Linear(inputs, outputs)
            setattr(model, name, layer)
        layer.in_features, layer.out_features = inputs, outputs
        layer.weight = nn.Parameter(weights[f"{name}.weight"].clone())
        layer.bias = nn.Parameter(weights[f"{name}.bias"].clone())
        layers[name] = layer
    return layers


class _WrongWidthError(Exception):
    """The first layer was handed rows of another width than its own."""


def half(
    module: Any,
    model: str,
    attributes: dict[str, int],
    method: str,
    first: str,
    inputs: list[Tensor],
    latent_dim: int,
    weights: dict[str, Tensor],
    gradients: bool = False,
) -> dict[str, Any]:
    """Call `method`, which is `encode` or `decode`, on the grader's layers.

    inputs: (batch, 784) or (batch, latent_dim), then a one-hot (batch, width) for each condition. Returns the outputs,
    what reached the layer `first`, the inputs as they are afterwards, the names of parameters that the call added, and
    where asked for the gradients of a fixed weighted sum of the outputs.
    """
    made = new_model(module, model, attributes, latent_dim)
    layers = call(attach, made, weights)
    reached: list[Tensor] = []

    def capture(layer: nn.Linear, arguments: tuple[Any, ...]) -> None:
        if arguments and isinstance(arguments[0], Tensor):
            reached.append(arguments[0].detach().clone())
            if arguments[0].shape[-1:] != (layer.in_features,):  # torch's message would give the right width away
                raise _WrongWidthError

    hook = layers[first].register_forward_pre_hook(capture)
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    handed = [leaf * 1.0 for leaf in leaves]  # not leaves, so that an in-place edit shows as such and not as an error
    known = call(_parameter_names, made)

    def run() -> Any:
        try:
            return getattr(made, method)(*handed)
        except _WrongWidthError:
            return None

    outputs = call(run)
    hook.remove()
    result: dict[str, Any] = {
        "outputs": outputs,
        "reached": reached[:1],
        "inputs_after": [tensor.detach() for tensor in handed],
        "built": sorted(call(_parameter_names, made) - known),
    }
    if gradients:
        wanted = {"input": leaves[0]} | {
            f"{name}.{kind}": getattr(layer, kind) for name, layer in layers.items() for kind in ("weight", "bias")
        }
        result["gradients"] = call(_gradients, outputs, wanted)
    return result


def _parameter_names(model: Any) -> set[str]:
    return {str(name) for name, _ in named_parameters(model)} if isinstance(model, nn.Module) else set()


def _gradients(outputs: Any, wanted: dict[str, Tensor]) -> dict[str, Tensor | None] | None:
    """Gradients of a weighted sum of `outputs`; None where they carry none."""
    tensors = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    if not tensors or not all(isinstance(tensor, Tensor) and tensor.requires_grad for tensor in tensors):
        return None
    total = torch.stack([(tensor * ramp(tensor)).sum() for tensor in tensors]).sum()
    found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
    return dict(zip(wanted, found, strict=True))


def ramp(tensor: Tensor) -> Tensor:
    """Distinct fixed weights for the elements of an output, so that no two gradients cancel."""
    return torch.linspace(0.5, 1.5, tensor.numel(), dtype=tensor.dtype).reshape(tensor.shape)


class Adam:
    """torch's Adam without torch's Optimizer class, whose first use imports for three seconds."""

    def __init__(self, parameters: list[nn.Parameter], learning_rate: float):
        self.parameters, self.learning_rate = parameters, learning_rate
        self.means = [torch.zeros_like(parameter) for parameter in parameters]
        self.squares = [torch.zeros_like(parameter) for parameter in parameters]
        self.steps = [torch.zeros((), device=parameter.device) for parameter in parameters]

    @torch.no_grad()
    def step(self) -> None:
        rows = zip(self.parameters, self.means, self.squares, self.steps, strict=True)
        used = [(p, p.grad, mean, square, step) for p, mean, square, step in rows if p.grad is not None]
        parameters, gradients, means, squares, steps = ([row[i] for row in used] for i in range(5))
        adam(
            parameters,
            gradients,
            means,
            squares,
            [],
            steps,
            fused=True,
            amsgrad=False,
            beta1=0.9,
            beta2=0.999,
            lr=self.learning_rate,
            weight_decay=0.0,
            eps=1e-8,
            maximize=False,
        )


def negative_elbo(reconstruction: Tensor, original: Tensor, mu: Tensor, logvar: Tensor) -> Tensor:
    """The loss of a batch in nats, summed over everything, for a submission that brings none of its own."""
    loss = nn.functional.binary_cross_entropy(reconstruction, original, reduction="sum")
    return loss - 0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())


def train(
    module: Any,
    model: str,
    images: Tensor,
    conditions: list[Tensor],
    start: dict[str, Tensor],
    latent_dim: int,
    steps: int,
    batch: int,
    learning_rate: float,
    loss: str | None = None,
    on: str = "cpu",
) -> dict[str, Any]:
    """A short training run with Adam, `on` a device, from the weights `start`; the trained weights by name.

    images: (n, 784) uint8; conditions: (n,) int64 each; loss: the submission's own, by name. Start and batches are the
    same for everybody, so that only the submission's own noise is left to chance. Stops early when the loss is no
    longer a finite number.
    """
    made = call(lambda: getattr(module, model)(latent_dim=latent_dim))
    if not isinstance(made, nn.Module):
        raise Unexpected(describe(made))
    call(_start_from, made, start)
    call(made.to, on)
    images, conditions = images.to(on).float() / 255, [condition.to(on) for condition in conditions]
    optimizer = call(lambda: Adam([parameter for _, parameter in named_parameters(made)], learning_rate))
    shuffle = torch.Generator().manual_seed(1)
    rounds = steps * batch // len(images) + 1
    order = torch.cat([torch.randperm(len(images), generator=shuffle) for _ in range(rounds)]).to(on)
    call(made.train)
    few = (conditions[0] < 5).nonzero()[:7, 0]
    call(
        made, images[few], *(condition[few] for condition in conditions)
    )  # without the higher classes it has to work too
    for step in range(steps):
        chosen = order[step * batch : (step + 1) * batch]
        outputs = call(made, images[chosen], *(condition[chosen] for condition in conditions))
        if not isinstance(outputs, tuple) or len(outputs) != 3:
            raise Unexpected(f"forward returned {describe(outputs)}")
        value = call(getattr(module, loss) if loss else negative_elbo, outputs[0], images[chosen], *outputs[1:])
        if not isinstance(value, Tensor) or value.numel() != 1 or not value.requires_grad:
            raise Unexpected(f"{loss} returned {describe(value)}" if loss else f"forward returned {describe(outputs)}")
        if not call(bool, call(torch.isfinite, value)):
            return {"weights": {}, "steps": step}
        call(made.zero_grad)
        call(value.backward)
        call(optimizer.step)
    return {"weights": call(_weights, made), "steps": steps}


@torch.no_grad()
def _start_from(model: nn.Module, start: dict[str, Tensor]) -> None:
    """Write the weights of `start` that fit into the model's parameters."""
    for name, parameter in named_parameters(model):
        if name in start and start[name].shape == parameter.shape:
            parameter.copy_(start[name])


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {str(name): parameter.detach().cpu() for name, parameter in named_parameters(model)}
