"""What the visible tests of the conditional VAEs share: widths of layers, and how conditions reach the first layer."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, permutations
from typing import Any

import torch
from torch import Tensor, nn

from exercise import Exercise, Wrong, told

LATENT_DIMS = (16, 2, 5, 64)
# Inputs and outputs of the layers that the starter gives, for each half; None stands for the latent size.
GIVEN: dict[str, dict[str, tuple[int | None, int | None]]] = {
    "encoder": {"encoder_fc2": (256, 128), "fc_mu": (128, None), "fc_logvar": (128, None)},
    "decoder": {"decoder_fc2": (128, 256), "decoder_fc3": (256, 784)},
}
OUTPUTS = {"encoder": 256, "decoder": 128}  # of the first layer of each half


@dataclass(frozen=True)
class Network:
    """The model of an exercise: its class, and the size of each condition.

    arguments: how encode and decode name the conditions; attributes: what the constructor keeps besides latent_dim.
    """

    kind: str
    conditions: dict[str, int]
    arguments: str
    attributes: dict[str, int]

    def draw(self, batch: int) -> list[Tensor]:
        """One-hot codes (batch, size) of every condition; each row has another class than the row before."""
        return [
            torch.eye(size).roll(int(torch.randint(size, ())), dims=0).repeat(batch // size + 1, 1)[:batch]
            for size in self.conditions.values()
        ]

    @property
    def width(self) -> int:
        """How many numbers the codes of all conditions have."""
        return sum(self.conditions.values())


def pictures(batch: int) -> Tensor:
    """(batch, 784) in [0, 1], mostly dark."""
    return (torch.rand(batch, 784) - 0.6).clamp(min=0) * 2.5


def side_by_side(*parts: Tensor) -> Tensor:
    """Rows of the first part, each continued by its rows of the others. Plain numbers: no gradient gets through."""
    rows = zip(*(part.tolist() for part in parts), strict=True)
    return torch.tensor([[*chain(*row)] for row in rows])


def same(one: Tensor, other: Tensor, tolerance: float = 1e-4) -> bool:
    """Whether two tensors have one shape and, up to rounding, the same values."""
    return one.shape == other.shape and bool(((one - other).abs() <= tolerance * (1 + other.abs())).all())


def enumerated(words: list[str]) -> str:
    """a; a and b; a, b and c."""
    return " and ".join([", ".join(words[:-1]), words[-1]]) if len(words) > 1 else words[0]


def model_class(work: Exercise, network: Network) -> Any:
    """The student's class of the model."""
    found = getattr(work.module, network.kind)
    if not issubclass(found, nn.Module):
        raise Wrong(network.kind, "a class that is no nn.Module", "the class line of the starter, as it was")
    return found


def model_with_layers(work: Exercise, network: Network, latent_dim: int) -> Any:
    """A model with random weights; layers of wrong widths are replaced, so that a faulty constructor costs nothing."""
    kind = model_class(work, network)
    model = kind.__new__(kind)
    nn.Module.__init__(model)
    try:
        model.__init__(latent_dim=latent_dim)
    except (Exception, SystemExit):
        if "_modules" not in vars(model):
            nn.Module.__init__(model)
        for name, value in {"latent_dim": latent_dim, **network.attributes}.items():
            setattr(model, name, value)
    sizes = {"encoder_fc1": (784 + network.width, 256), "decoder_fc1": (latent_dim + network.width, 128)}
    for layers in GIVEN.values():
        sizes |= {name: (inputs or latent_dim, outputs or latent_dim) for name, (inputs, outputs) in layers.items()}
    with torch.no_grad():
        for name, (inputs, outputs) in sizes.items():
            layer = getattr(model, name, None)
            if not isinstance(layer, nn.Linear) or (layer.in_features, layer.out_features) != (inputs, outputs):
                layer = nn.Linear(inputs, outputs)
                setattr(model, name, layer)
            layer.weight.copy_(torch.randn(outputs, inputs) * (2 / inputs) ** 0.5)
            if name in ("encoder_fc1", "decoder_fc1"):
                layer.weight[:, -network.width :] *= 4  # few columns among hundreds would hardly be seen otherwise
    return model


def check_widths(work: Exercise, network: Network, half: str, other: str) -> None:
    """Every layer of one half reads and writes rows of the right length, for any latent size, and none is added.

    other: the task about the other half, whose fault costs nothing here.
    """
    first = f"{half}_fc1"
    for latent_dim in LATENT_DIMS:
        called = f"{network.kind}(latent_dim={latent_dim})"
        kind = model_class(work, network)
        try:
            model = kind(latent_dim=latent_dim)
        except (Exception, SystemExit) as error:
            module = work.run(without=other if work.within(error, other) else None)
            model = work.ask(called, getattr(module, network.kind), latent_dim=latent_dim, wanted="a model")
        codes = network.draw(3)
        rows = side_by_side(pictures(3) if half == "encoder" else torch.randn(3, latent_dim), *codes)
        start = "an image" if half == "encoder" else f"a latent code of {latent_dim} numbers"
        what = f"{enumerated([start, *(f'a one-hot {name}' for name in network.conditions)])} together"
        expected = {first: (rows.shape[1], OUTPUTS[half])}
        expected |= {name: (ins or latent_dim, outs or latent_dim) for name, (ins, outs) in GIVEN[half].items()}
        for name, (inputs, outputs) in expected.items():
            layer = getattr(model, name, None)
            if not callable(layer):
                hint = "Other code finds the layers by these names, so they stay as given."
                raise Wrong(called, f"a model without a layer {name}", "the layer names of the starter", hint)
            if isinstance(layer, nn.Module) and any(map(nn.parameter.is_lazy, layer.parameters())):
                wanted = "layers with weights to look at, as soon as the model is made"
                hint = "The width should be there before the first call. How long is a row that this layer reads?"
                raise Wrong(called, f"{name} is a {type(layer).__name__} without a width", wanted, hint)
            try:
                answer = layer(rows if name == first else torch.zeros(len(rows), inputs))
            except RuntimeError:
                has = getattr(layer, "in_features", None)
                got = f"{name} takes {has or 'another number of'} inputs"
                if name != first:
                    got, wanted = f"{got}, where the layer before it gives {inputs}", "the given widths"
                else:
                    relation = f": too {'few' if has < inputs else 'many'}" if isinstance(has, int) else ""
                    got, wanted = f"{got}{relation} for {what}", f"a layer that can read {what}"
                raise Wrong(called, got, wanted) from None
            if not isinstance(answer, Tensor) or tuple(answer.shape) != (len(rows), outputs):
                got = f"{name} turns {len(rows)} rows into {told(answer)}"
                hint = "The work belongs to the first layer of each half; the other widths were given."
                raise Wrong(called, got, f"rows of {outputs}, as in the starter", hint)
        begins = ("encoder", "fc_") if half == "encoder" else ("decoder",)
        layers = {name.partition(".")[0] for name, _ in model.named_parameters() if name.startswith(begins)}
        if added := sorted(layers - expected.keys()):
            got = f"a model with {', '.join(added[:3])} added"
            raise Wrong(called, got, "the starter's layers, and none besides", "Which layer was left to you?")


@dataclass
class Half:
    """One half of the network under test: its method, what that method takes first, and the names of its outputs.

    make(batch): rows to hand over. The conditions follow them.
    """

    work: Exercise
    network: Network
    method: str
    argument: str
    returns: list[str]
    make: Callable[[int], Tensor]

    def check(self) -> None:
        """Rows and conditions reach the first layer in order, and the given layers do the rest."""
        self.model = model_with_layers(self.work, self.network, 5)
        self.first, self.width = f"{self.method}r_fc1", 5 if self.method == "encode" else 784
        self.call = f"{self.method}({self.argument}, {self.network.arguments})"
        parts, layers = self.draw(23), {name for name, _ in self.model.named_modules()}
        outputs = self._check_first_layer(parts)
        self._check_rows(parts, outputs)
        self._check_conditions(parts, outputs)
        self.ask(self.draw(37))
        self._check_values(parts, outputs)
        if added := sorted({name for name, _ in self.model.named_modules()} - layers):
            hint = "A layer that is made during a call is a new one each time, and cannot learn."
            raise Wrong(self.call, f"the call added {', '.join(added[:3])}", "all layers made in the constructor", hint)
        self._check_gradients()

    def draw(self, batch: int) -> list[Tensor]:
        return [self.make(batch), *self.network.draw(batch)]

    def ask(self, parts: list[Tensor]) -> list[Tensor]:
        """The outputs, checked for number and shape."""
        called = f"{self.call} with {self.argument} of shape {tuple(parts[0].shape)}"
        wanted = f"{' and '.join(self.returns)}, each of shape ({len(parts[0])}, {self.width})"
        answer = self.work.ask(called, lambda: getattr(self.model, self.method)(*parts), wanted=wanted)
        outputs = list(answer) if isinstance(answer, tuple | list) else [answer]
        fits = [isinstance(one, Tensor) and tuple(one.shape) == (len(parts[0]), self.width) for one in outputs]
        if len(outputs) != len(self.returns) or not all(fits):
            raise Wrong(called, told(answer), wanted)
        return outputs

    def _check_first_layer(self, parts: list[Tensor]) -> list[Tensor]:
        """Outputs for `parts`, while it is watched what the first layer is handed, before it complains about it."""
        names, own = [self.argument, *self.network.conditions], enumerated(list(self.network.conditions))

        def watch(layer: nn.Module, arguments: tuple[Any, ...]) -> None:
            if not arguments or not isinstance(arguments[0], Tensor):
                return
            given, right = arguments[0].detach(), side_by_side(*parts)
            if given.numel() != right.numel():
                got, wanted = (
                    f"{self.first} was handed {told(given)}",
                    f"rows of {self.argument}, each with its own {own}",
                )
                raise Wrong(self.call, got, wanted)
            given = given.reshape(len(right), -1)
            for order in permutations(range(len(parts))):  # the right one comes first
                if same(given, side_by_side(*(parts[place] for place in order))):
                    if list(order) == sorted(order):
                        return
                    got = f"{self.first} was handed {', then '.join(names[place] for place in order)}"
                    hint = "Everything is there. The order is a convention, and the handout fixes it."
                    raise Wrong(self.call, got, ", then ".join(names), hint)
            wanted = f"each row of {self.argument}, unchanged, and then its own {own}"
            raise Wrong(self.call, f"{self.first} was handed something else of the same length", wanted)

        hook = getattr(self.model, self.first).register_forward_pre_hook(watch)
        before = [part.clone() for part in parts]
        outputs = self.ask(parts)
        hook.remove()
        if not all(map(same, parts, before)):
            raise Wrong(self.call, "its inputs were overwritten", "inputs that are left as they came")
        return outputs

    def _check_rows(self, parts: list[Tensor], outputs: list[Tensor]) -> None:
        again, moved = self.ask(parts), self.ask([self.make(len(parts[0])), *parts[1:]])
        alone = self.ask([part[2:3] for part in parts])
        for number, name in enumerate(self.returns):
            twice = f"two different answers for {name}"
            if not same(outputs[number], again[number]):
                hint = "A layer that is made during a call is a new one each time."
                raise Wrong(f"{self.call}, twice with the same inputs", twice, "the same answer", hint)
            if same(outputs[number], moved[number]):
                called, wanted = f"{self.call} with two different {self.argument}", f"depends on {self.argument}"
                raise Wrong(called, f"the same {name} twice", f"an answer that {wanted}")
            if not same(alone[number], outputs[number][2:3]):
                called = f"{self.call} for one row, alone and within a batch"
                hint = "Nothing that is done to one row should depend on its neighbours."
                raise Wrong(called, twice, "the same answer, whatever the other rows are", hint)

    def _check_conditions(self, parts: list[Tensor], outputs: list[Tensor]) -> None:
        for place, condition in enumerate(self.network.conditions, start=1):
            changed = self.ask([part.roll(1, dims=1) if place == at else part for at, part in enumerate(parts)])
            for name, one, other in zip(self.returns, outputs, changed, strict=True):
                if same(one, other):
                    called, wanted = (
                        f"{self.call} with another {condition}",
                        f"an answer that depends on the {condition}",
                    )
                    raise Wrong(called, f"the same {name} twice", wanted)

    def _check_values(self, parts: list[Tensor], outputs: list[Tensor]) -> None:
        """The outputs are what the given lines make of the rows that the first layer should read."""
        rows, model = side_by_side(*parts), self.model
        with torch.no_grad():
            for name in (self.first, f"{self.method}r_fc2"):
                rows = getattr(model, name)(rows).relu()
            heads = [model.fc_mu, model.fc_logvar] if self.method == "encode" else [model.decoder_fc3]
            right = [head(rows) if self.method == "encode" else head(rows).sigmoid() for head in heads]
        for name, output, wanted in zip(self.returns, outputs, right, strict=True):
            if not same(output, wanted, 1e-3):
                got = f"{name} has the right shape and other values than the given layers compute"
                hint = (
                    "Follow one row through the layers: is each of them used once, in order, with its own activation?"
                )
                raise Wrong(self.call, got, f"{name} as the starter's layers compute it", hint)

    def _check_gradients(self) -> None:
        rows = self.make(4).requires_grad_()
        outputs = self.ask([rows * 1.0, *self.network.draw(4)])
        called = f"backward through {self.call}"
        if not all(output.requires_grad for output in outputs):
            raise Wrong(called, "no gradient at all", "gradients for the layers and the inputs")
        self.work.ask(called, torch.stack([output.sum() for output in outputs]).sum().backward, wanted="gradients")
        layers = {name: getattr(self.model, name).weight for name in (self.first, *GIVEN[f"{self.method}r"])}
        for name, leaf in {self.argument: rows, **layers}.items():
            if leaf.grad is None or not leaf.grad.any():
                raise Wrong(called, f"no gradient for {name}", f"gradients that reach {self.argument} and every layer")
