"""What the grader asks of a submission. These functions run inside the locked worker, next to the student's code.

They hold nothing secret and decide nothing: each calls the submission and returns the values that came back.
`module` is always the imported submission. A probe may raise Unexpected when what came back cannot be used at all.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.optim.adam import adam

from graders.sandbox.probing import Unexpected, describe

_GRADIENTS = ({str: (Tensor, None)}, None)
_HALF = {
    "outputs": object,
    "reached": [Tensor],
    "inputs_after": [Tensor],
    "built": [str],
    "gradients": _GRADIENTS,
}
# What each probe returns, for the grader to hold an answer against: see graders.checks.form.
FORMS: dict[str, Any] = {
    "parameters": {str: [int]},
    "encode": _HALF,
    "decode": _HALF,
    "reparameterize": {"z": object, "inputs_after": [Tensor], "gradients": _GRADIENTS},
    "draws": object,
    "loss": {"value": float, "shape": [int], "gradients": _GRADIENTS},
    "train": {"weights": {str: Tensor}, "steps": int, "device": str},
}


def definitions(module: Any, names: list[str]) -> dict[str, str]:
    """What each dotted name of the submission is: "class", "function", "missing", or a description of the value."""
    found = {}
    for name in names:
        value: Any = module
        for part in name.split("."):
            value = getattr(value, part, None)
        if value is None:
            found[name] = "missing"
        elif isinstance(value, type):
            found[name] = "class"
        else:
            found[name] = "function" if callable(value) else describe(value)
    return found


@contextmanager
def _lenient_layers() -> Iterator[None]:
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


def _construct(module: Any, latent_dim: int) -> Any:
    with _lenient_layers():
        return module.SimpleCVAE(latent_dim=latent_dim)


_MODELS: WeakKeyDictionary[Any, dict[int, Any]] = WeakKeyDictionary()


def _instance(module: Any, latent_dim: int) -> Any:
    """The model of a submission that answers all questions of its size, as it would in use."""
    models = _MODELS.setdefault(module, {})
    if latent_dim not in models:
        models[latent_dim] = _model(module, latent_dim)
    return models[latent_dim]


def _model(module: Any, latent_dim: int) -> Any:
    """A SimpleCVAE, whatever the state of its constructor: its own where that works, else a bare object.

    The constructor is preferred because a right solution may create helpers in it.
    """
    try:
        return _construct(module, latent_dim)
    except Exception:  # a broken constructor is judged by the tasks on layer widths, and only there
        model = module.SimpleCVAE.__new__(module.SimpleCVAE)
        if isinstance(model, nn.Module):
            nn.Module.__init__(model)
        model.latent_dim, model.num_classes = latent_dim, 10
        return model


def _attached(module: Any, latent_dim: int, weights: dict[str, Tensor]) -> tuple[Any, dict[str, nn.Linear]]:
    """An instance whose layers carry the grader's weights. `weights` holds `<layer>.weight` and `<layer>.bias`.

    A layer that the constructor made keeps its identity, since the submission may reach it by another way than its
    name; its width gives way to that of the weights.
    """
    model = _instance(module, latent_dim)
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
    return model, layers


def parameters(module: Any, latent_dim: int) -> dict[str, list[int]]:
    """Names and shapes of all parameters of a new model."""
    model = _construct(module, latent_dim)
    if not isinstance(model, nn.Module):
        raise Unexpected(describe(model))
    return {name: list(parameter.shape) for name, parameter in model.named_parameters()}


def encode(
    module: Any,
    x: Tensor,
    labels_onehot: Tensor,
    latent_dim: int,
    weights: dict[str, Tensor],
    gradients: bool = False,
) -> dict[str, Any]:
    """`encode` on the grader's layers. x: (batch, 784), labels_onehot: (batch, 10)."""
    return _half(module, "encode", "encoder_fc1", (x, labels_onehot), latent_dim, weights, gradients)


def decode(
    module: Any,
    z: Tensor,
    labels_onehot: Tensor,
    latent_dim: int,
    weights: dict[str, Tensor],
    gradients: bool = False,
) -> dict[str, Any]:
    """`decode` on the grader's layers. z: (batch, latent_dim), labels_onehot: (batch, 10)."""
    return _half(module, "decode", "decoder_fc1", (z, labels_onehot), latent_dim, weights, gradients)


class _WrongWidthError(Exception):
    """The first layer was handed rows of another width than its own."""


def _half(
    module: Any,
    method: str,
    first: str,
    inputs: tuple[Tensor, Tensor],
    latent_dim: int,
    weights: dict[str, Tensor],
    gradients: bool,
) -> dict[str, Any]:
    """Call `method`; return its outputs, what reached the layer `first`, the inputs as they are afterwards, the names
    of parameters that the call added, and where asked for the gradients of a fixed weighted sum of the outputs."""
    model, layers = _attached(module, latent_dim, weights)
    reached: list[Tensor] = []

    def capture(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
        if arguments and isinstance(arguments[0], Tensor):
            reached.append(arguments[0].detach().clone())
            if arguments[0].shape[-1] != layer.in_features:  # torch's message would give the right width away
                raise _WrongWidthError

    hook = layers[first].register_forward_pre_hook(capture)
    leaves = [tensor.clone().requires_grad_() for tensor in inputs]
    handed = [leaf * 1.0 for leaf in leaves]  # not leaves, so that an in-place edit shows as such and not as an error
    known = _parameter_names(model)
    try:
        outputs = getattr(model, method)(*handed)
    except _WrongWidthError:
        outputs = None
    finally:
        hook.remove()
    result: dict[str, Any] = {
        "outputs": outputs,
        "reached": reached[:1],
        "inputs_after": [tensor.detach() for tensor in handed],
        "built": sorted(_parameter_names(model) - known),
    }
    tensors = list(outputs) if isinstance(outputs, (tuple, list)) else [outputs]
    if gradients and all(isinstance(tensor, Tensor) and tensor.requires_grad for tensor in tensors):
        total = sum((tensor * ramp(tensor)).sum() for tensor in tensors)
        wanted = {"input": leaves[0]} | {
            f"{name}.{kind}": getattr(layer, kind) for name, layer in layers.items() for kind in ("weight", "bias")
        }
        found = torch.autograd.grad(total, list(wanted.values()), allow_unused=True)
        result["gradients"] = dict(zip(wanted, found, strict=True))
    return result


def _parameter_names(model: Any) -> set[str]:
    return {name for name, _ in model.named_parameters()} if isinstance(model, nn.Module) else set()


def ramp(tensor: Tensor) -> Tensor:
    """Distinct fixed weights for the elements of an output, so that no two gradients cancel."""
    return torch.linspace(0.5, 1.5, tensor.numel(), dtype=tensor.dtype).reshape(tensor.shape)


def reparameterize(module: Any, mu: Tensor, logvar: Tensor) -> dict[str, Any]:
    """One draw in train mode with its gradients. mu, logvar: (batch, latent_dim)."""
    model = _instance(module, mu.shape[1])
    leaves = [mu.clone().requires_grad_(), logvar.clone().requires_grad_()]
    handed = [leaf * 1.0 for leaf in leaves]
    z = model.reparameterize(*handed)
    result = {"z": z, "inputs_after": [tensor.detach() for tensor in handed]}
    if isinstance(z, Tensor) and z.requires_grad:
        gradients = torch.autograd.grad(z.sum(), leaves, allow_unused=True)
        result["gradients"] = dict(zip(("mu", "logvar"), gradients, strict=True))
    return result


def draws(module: Any, calls: int, batch: int, latent_dim: int) -> Any:
    """Noise of the submission: `calls` draws in a row at mu = logvar = 0, stacked to (calls, batch, latent_dim)."""
    model = _instance(module, latent_dim)
    drawn = [model.reparameterize(torch.zeros(batch, latent_dim), torch.zeros(batch, latent_dim)) for _ in range(calls)]
    if not all(isinstance(z, Tensor) and z.shape == (batch, latent_dim) for z in drawn):
        return drawn[0]
    return torch.stack(drawn).detach()


def loss(module: Any, reconstruction: Tensor, original: Tensor, mu: Tensor, logvar: Tensor) -> dict[str, Any]:
    """`cvae_loss` of one batch with its gradients.

    A result that is not one number is averaged here, so that a term with a missing reduction does not also hide the
    other term; its shape travels with it.
    """
    leaves = {"reconstruction": reconstruction, "mu": mu, "logvar": logvar}
    leaves = {name: tensor.clone().requires_grad_() for name, tensor in leaves.items()}
    handed = {name: leaf * 1.0 for name, leaf in leaves.items()}
    value = module.cvae_loss(handed["reconstruction"], original, handed["mu"], handed["logvar"])
    if isinstance(value, (int, float)):
        return {"value": float(value), "shape": [], "gradients": None}
    if not isinstance(value, Tensor):
        raise Unexpected(describe(value))
    gradients: dict[str, Any] | None = None
    if value.requires_grad:
        found = torch.autograd.grad(value.double().mean(), list(leaves.values()), allow_unused=True)
        gradients = dict(zip(leaves, found, strict=True))
    return {"value": float(value.detach().double().mean()), "shape": list(value.shape), "gradients": gradients}


def eval_mode(module: Any, mu: Tensor, logvar: Tensor) -> Any:
    """One draw in eval mode, for a remark that costs nothing."""
    model = _instance(module, mu.shape[1])
    if isinstance(model, nn.Module):
        model.eval()
    return model.reparameterize(mu, logvar)


class _Adam:
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


def train(
    module: Any,
    images: Tensor,
    labels: Tensor,
    start: dict[str, Tensor],
    latent_dim: int,
    steps: int,
    batch: int,
    learning_rate: float,
    on: str = "cpu",
) -> dict[str, Any]:
    """A short training run with Adam, `on` a device, from the weights `start`.

    images: (n, 784) uint8, labels: (n,) int64.
    Start and batches are the same for everybody, so that only the submission's own noise is left to chance. Returns
    the weights by name. Stops early when the loss is no longer a finite number.
    """
    model = module.SimpleCVAE(latent_dim=latent_dim)
    if not isinstance(model, nn.Module):
        raise Unexpected(describe(model))
    own = model.state_dict()
    fitting = {name: tensor for name, tensor in start.items() if name in own and own[name].shape == tensor.shape}
    model.load_state_dict(fitting, strict=False)
    model.to(on)
    images, labels = images.to(on).float() / 255, labels.to(on)
    optimizer = _Adam(list(model.parameters()), learning_rate)
    shuffle = torch.Generator().manual_seed(1)
    rounds = steps * batch // len(images) + 1
    order = torch.cat([torch.randperm(len(images), generator=shuffle) for _ in range(rounds)]).to(on)
    model.train()
    few = (labels < 5).nonzero()[:7, 0]
    model(images[few], labels[few])  # a small batch without the higher classes has to work too
    for step in range(steps):
        chosen = order[step * batch : (step + 1) * batch]
        outputs = model(images[chosen], labels[chosen])
        if not isinstance(outputs, tuple) or len(outputs) != 3:
            raise Unexpected(f"forward returned {describe(outputs)}")
        loss = module.cvae_loss(outputs[0], images[chosen], outputs[1], outputs[2])
        if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.requires_grad:
            raise Unexpected(f"cvae_loss returned {describe(loss)}")
        if not torch.isfinite(loss):
            return {"weights": {}, "steps": step, "device": loss.device.type}
        model.zero_grad()
        loss.backward()
        optimizer.step()
    weights = {name: parameter.detach().cpu() for name, parameter in model.named_parameters()}
    return {"weights": weights, "steps": steps, "device": images.device.type}
