"""The network under test: its names and widths, the reference with random weights, and example inputs."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

FIRST_LAYERS = ("encoder_fc1", "decoder_fc1")
PIXELS = 784
# What the last layers of far_weights give: beyond any limit that a network could put on them, and within the handout's
# ranges. logvar stays below 20, since a guard against overflow there is accepted.
FAR = {"fc_mu": (-40.0, 45.0), "fc_logvar": (-29.0, 19.0), "decoder_fc3": (-9.0, 8.0)}
FAR_HIDDEN = 30.0  # how much larger the hidden layers' weights are there


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(batch: int, seed: int) -> Tensor:
    """(batch, 784) in [0, 1], mostly black as digits are."""
    noise = torch.rand(batch, PIXELS, generator=generator(seed))
    return (noise - 0.6).clamp(min=0) / 0.4


def codes(batch: int, latent_dim: int, seed: int, scale: float = 1.0) -> Tensor:
    """(batch, latent_dim) of both signs."""
    return scale * torch.randn(batch, latent_dim, generator=generator(seed + 2))


@dataclass(frozen=True)
class Condition:
    """One thing that a network is told: the argument's name, its width as one-hot, a word for it, and a hint."""

    argument: str
    width: int
    word: str
    hint: str


@dataclass(frozen=True)
class Half:
    """Encoder or decoder. `given` is what its input is called, `returns` what its outputs are called."""

    method: str
    argument: str
    given: str
    layers: tuple[str, ...]
    returns: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.layers[0]

    def output_width(self, latent_dim: int) -> int:
        return latent_dim if self.method == "encode" else PIXELS

    def wanted(self) -> str:
        if self.method == "encode":
            return "mu and logvar, each a tensor of shape (batch, latent_dim)"
        return "the reconstruction, a tensor of shape (batch, 784)"


ENCODER = Half("encode", "x", "the image", ("encoder_fc1", "encoder_fc2", "fc_mu", "fc_logvar"), ("mu", "logvar"))
DECODER = Half("decode", "z", "the latent code", ("decoder_fc1", "decoder_fc2", "decoder_fc3"), ("the reconstruction",))


@dataclass(frozen=True)
class Network:
    """A conditional VAE with layers named as in the module. `reference` is the solution's class.

    conditions: in the order in which they follow the image or the latent code.
    attributes: what a bare model needs besides its layers where the submission's constructor is broken.
    """

    reference: type[nn.Module]
    conditions: tuple[Condition, ...]
    attributes: dict[str, int] = field(hash=False)

    @property
    def name(self) -> str:
        return self.reference.__name__

    @property
    def conditions_width(self) -> int:
        return sum(condition.width for condition in self.conditions)

    @property
    def for_probes(self) -> dict[str, Any]:
        """The arguments by which probes know the network."""
        return {"model": self.name, "attributes": self.attributes}

    @cached_property
    def _made(self) -> dict[tuple[Any, ...], Any]:
        return {}

    def example(self, half: Half, batch: int, latent_dim: int, seed: int) -> list[Tensor]:
        """The input of `half` and the one-hot conditions, in the order of the call."""
        rows = images(batch, seed) if half is ENCODER else codes(batch, latent_dim, seed)
        return [rows, *self.onehots(batch, seed)]

    def onehots(self, batch: int, seed: int) -> Iterator[Tensor]:
        """(batch, width) one-hot float32 for each condition."""
        for place, condition in enumerate(self.conditions):
            classes = torch.randint(condition.width, (batch,), generator=generator(seed + 1 + 10 * place))
            yield torch.eye(condition.width)[classes]

    def blank(self, latent_dim: int) -> nn.Module:
        """The reference without values, for its names and shapes."""
        if (key := ("blank", latent_dim)) not in self._made:
            with torch.device("meta"):
                self._made[key] = self.reference(latent_dim)
        found: nn.Module = self._made[key]
        return found

    def weights(self, layers: tuple[str, ...], latent_dim: int) -> dict[str, Tensor]:
        """Random weights for `layers`, such that the conditions weigh as much in the output as the image."""
        if (key := ("weights", layers, latent_dim)) not in self._made:
            self._made[key] = self._drawn(layers, latent_dim)
        found: dict[str, Tensor] = self._made[key]
        return found

    def far_weights(self, half: Half, example: list[Tensor], latent_dim: int) -> dict[str, Tensor]:
        """Weights with which `half` computes large hidden numbers from `example`, and outputs that fill FAR."""
        weights = {
            name: tensor * (1 if name.rpartition(".")[0] in FAR else FAR_HIDDEN)
            for name, tensor in self.weights(half.layers, latent_dim).items()
        }
        model, reached = self.loaded(weights, latent_dim), {}
        for layer in model.children():  # hooks see what a layer gives before the sigmoid
            layer.register_forward_hook(lambda layer, inputs, output: reached.update({layer: output}))
        with torch.no_grad():
            getattr(model, half.method)(*example)
        for name in FAR.keys() & set(half.layers):
            output = reached[getattr(model, name)]
            (low, high), (least, most) = FAR[name], (float(output.min()), float(output.max()))
            scale = (high - low) / (most - least)
            weights[f"{name}.weight"] = weights[f"{name}.weight"] * scale
            weights[f"{name}.bias"] = weights[f"{name}.bias"] * scale + low - least * scale
        return weights

    def loaded(self, weights: dict[str, Tensor], latent_dim: int) -> nn.Module:
        """The reference with `weights`; layers that are not among them have none."""
        with torch.device("meta"):  # drawing start weights that are overwritten at once takes most of the time
            model = self.reference(latent_dim)
        model.load_state_dict(weights, strict=False, assign=True)
        return model.requires_grad_()

    def _drawn(self, layers: tuple[str, ...], latent_dim: int) -> dict[str, Tensor]:
        source, drawn = generator(3 + latent_dim), {}
        shapes = {name: tensor.shape for name, tensor in self.blank(latent_dim).state_dict().items()}
        for name in layers:
            outputs, inputs = shapes[f"{name}.weight"]
            drawn[f"{name}.weight"] = torch.randn(outputs, inputs, generator=source) * math.sqrt(2 / inputs)
            drawn[f"{name}.bias"] = torch.randn(outputs, generator=source) * 0.1
            if name in FIRST_LAYERS:  # a few columns among hundreds would hardly be seen otherwise
                drawn[f"{name}.weight"][:, -self.conditions_width :] *= 4
        return drawn

    def with_weights(self, layers: tuple[str, ...], latent_dim: int) -> nn.Module:
        """The reference with random weights in `layers`; the other layers have none."""
        if (key := ("reference", layers, latent_dim)) not in self._made:
            self._made[key] = self.loaded(self.weights(layers, latent_dim), latent_dim)
        found: nn.Module = self._made[key]
        return found

    def answer(
        self, half: Half, example: list[Tensor], latent_dim: int, weights: dict[str, Tensor] | None = None
    ) -> list[Tensor]:
        """What the reference's `encode` or `decode` returns, as a list; with `weights` or the random ones."""
        model = self.loaded(weights, latent_dim) if weights else self.with_weights(half.layers, latent_dim)
        outputs = getattr(model, half.method)(*example)
        return list(outputs) if isinstance(outputs, tuple) else [outputs]


def shape_of(value: object) -> str:
    """How a message names a value that came back."""
    if isinstance(value, Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    if isinstance(value, (list, tuple)):
        return f"{len(value)} values: " + ", ".join(shape_of(item) for item in value[:3]) if value else "an empty tuple"
    return "None" if value is None else getattr(value, "description", None) or f"a {type(value).__name__}"
