"""What encoder and decoder have in common: both glue a label to their input and send it through given layers."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from graders.checks.asking import HINTS, Asker
from graders.checks.failure import Failure
from graders.conditional_vae import inputs
from graders.conditional_vae.probes import ramp
from graders.sandbox import WrongReturn


@dataclass(frozen=True)
class Half:
    """One of the two networks. `first` is its first layer, `given` how its input is called, `returns` its outputs."""

    method: str
    given: str
    argument: str
    layers: tuple[str, ...]
    returns: tuple[str, ...]

    @property
    def first(self) -> str:
        return self.layers[0]

    def example(self, batch: int, latent_dim: int, seed: int) -> tuple[Tensor, Tensor, dict[str, Tensor]]:
        """Input, labels and random weights."""
        rows = inputs.images(batch, seed) if self.method == "encode" else inputs.codes(batch, latent_dim, seed)
        return rows, inputs.labels(batch, seed), inputs.weights(self.layers, latent_dim)

    def call(self, rows: Tensor) -> str:
        return f"{self.method}({self.argument}, labels_onehot) with {self.argument} of shape {tuple(rows.shape)}"

    def ask(
        self,
        submission: Asker,
        rows: Tensor,
        labels: Tensor,
        latent_dim: int,
        weights: dict[str, Tensor],
        gradients: bool = False,
    ) -> Any:
        """The probe's answer, its outputs checked for number and shape."""
        arguments: dict[str, Any] = {self.argument: rows, "labels_onehot": labels, "latent_dim": latent_dim}
        arguments |= {"weights": weights, "gradients": gradients}
        answer = submission.ask(self.method, self.call(rows), wanted=self._wanted(), **arguments)
        self._check_width(answer["reached"], rows, labels)
        outputs = answer["outputs"]
        if len(self.returns) == 1:
            outputs = [outputs]
        width = latent_dim if self.method == "encode" else 784
        ok = isinstance(outputs, list) and len(outputs) == len(self.returns)
        if not ok or any(not isinstance(o, Tensor) or o.shape != (len(rows), width) for o in outputs):
            raise Failure(self.call(rows), inputs.shape_of(answer["outputs"]), self._wanted(), HINTS[WrongReturn])
        return {**answer, "outputs": outputs}

    def _check_width(self, reached: list[Tensor], rows: Tensor, labels: Tensor) -> None:
        if reached and (reached[0].dim() != 2 or reached[0].shape[1] != rows.shape[1] + labels.shape[1]):
            raise Failure(
                f"{self.call(rows)}, which called {self.first}",
                f"{self.first} was handed {inputs.shape_of(reached[0])}",
                f"each row of {self.argument}, followed by the same row of labels_onehot",
            )

    def _wanted(self) -> str:
        if self.method == "encode":
            return "mu and logvar, each a tensor of shape (batch, latent_dim)"
        return "the reconstruction, a tensor of shape (batch, 784)"

    def reference(self, rows: Tensor, labels: Tensor, latent_dim: int) -> list[Tensor]:
        outputs = getattr(inputs.reference(self.layers, latent_dim), self.method)(rows, labels)
        return list(outputs) if isinstance(outputs, tuple) else [outputs]


ENCODER = Half("encode", "the image", "x", inputs.ENCODER, ("mu", "logvar"))
DECODER = Half("decode", "the latent code", "z", inputs.DECODER, ("the reconstruction",))


def first_layer(half: Half, submission: Asker) -> None:
    """What reaches the first layer is the input's row, followed by its label."""
    rows, labels, weights = half.example(7, 5, 11)
    answer = half.ask(submission, rows, labels, 5, weights)
    if not answer["reached"]:  # the layer's weights may be used without calling it; the outputs then decide
        return agrees(half, submission, 7, 5, 11)
    reached, wanted = answer["reached"][0], torch.cat([rows, labels], dim=1)
    if inputs.close(reached, wanted, 1e-5):
        return None
    called = f"{half.method}({half.argument}, labels_onehot), which called {half.first}"
    property_ = f"each row of {half.argument}, followed by the same row of labels_onehot"
    got, hint = f"{half.first} was handed {inputs.shape_of(reached)}", None
    if inputs.close(reached, torch.cat([labels, rows], dim=1), 1e-5):
        got, hint = (
            "the label came first",
            f"Both are there. The handout fixes the order: {half.given}, then the label.",
        )
    elif reached.shape == wanted.shape and inputs.close(reached[:, : rows.shape[1]], rows, 1e-5):
        got, hint = f"{half.given} arrived, and after it something else than the row's label", None
    elif reached.shape == wanted.shape:
        got = f"a row of the right length, but not made of {half.given} and its label as they were handed over"
    raise Failure(called, got, property_, hint)


def agrees(half: Half, submission: Asker, batch: int, latent_dim: int, seed: int) -> None:
    rows, labels, weights = half.example(batch, latent_dim, seed)
    answer = half.ask(submission, rows, labels, latent_dim, weights)
    for name, got, wanted in zip(
        half.returns, answer["outputs"], half.reference(rows, labels, latent_dim), strict=True
    ):
        if not inputs.close(got, wanted.detach()):
            raise Failure(
                half.call(rows),
                f"{name} has the right shape and other values than the given layers compute",
                f"{name} as the starter's layers compute it from {half.given} and its label",
                "Follow one row through the layers: is each of them used once, in order, with its own activation?",
            )


def rows_independent(half: Half, submission: Asker) -> None:
    """A row's output is the same alone as within a batch."""
    rows, labels, weights = half.example(23, 5, 13)
    together = half.ask(submission, rows, labels, 5, weights)["outputs"]
    for row in (0, 9):
        alone = half.ask(submission, rows[row : row + 1], labels[row : row + 1], 5, weights)["outputs"]
        for name, got, wanted in zip(half.returns, alone, together, strict=True):
            if not inputs.close(got, wanted[row : row + 1]):
                raise Failure(
                    half.call(rows[:1]),
                    f"{name} of a row handed over alone differs from {name} of it in a batch",
                    "the same output for a row, whatever its neighbours are",
                    "Nothing that is done to one row should depend on the other rows.",
                )


def label_matters(half: Half, submission: Asker) -> None:
    """Another label gives another output."""
    rows, labels, weights = half.example(4, 5, 17)
    before = half.ask(submission, rows, labels, 5, weights)["outputs"]
    after = half.ask(submission, rows, labels.roll(3, dims=1), 5, weights)["outputs"]
    for name, one, other in zip(half.returns, before, after, strict=True):
        if inputs.close(one, other):
            raise Failure(
                f"{half.method} twice with the same {half.argument} and two labels",
                f"{name} was the same",
                "outputs that depend on the label",
                "How would the network learn which digit it is told of?",
            )


def nothing_changed(half: Half, submission: Asker) -> None:
    """The inputs are the same after the call as before, and the model has no new layers."""
    rows, labels, weights = half.example(4, 5, 19)
    answer = half.ask(submission, rows, labels, 5, weights)
    for name, got, wanted in zip((half.argument, "labels_onehot"), answer["inputs_after"], (rows, labels), strict=True):
        if not inputs.close(got, wanted, 1e-6):
            raise Failure(
                half.call(rows),
                f"{name} was overwritten",
                "inputs that are left as they came",
                "The caller still needs what it handed over.",
            )
    if answer["built"]:
        raise Failure(
            half.call(rows),
            f"the call added {', '.join(answer['built'][:3])} to the model",
            "all layers made in the constructor",
            "A layer made during a call is new each time and cannot learn.",
        )


def gradients(half: Half, submission: Asker) -> None:
    """Gradients reach the inputs and every weight, with the values that the reference has."""
    rows, labels, weights = half.example(3, 5, 23)
    answer = half.ask(submission, rows, labels, 5, weights, gradients=True)
    called, wanted = f"backward through {half.method}", "gradients that reach the inputs and every layer"
    hint = "The error must be able to travel back through every step; which one cuts it off?"
    if not answer.get("gradients"):
        raise Failure(called, "the outputs carry no gradient", wanted, hint)
    for name, expected in _reference_gradients(half, rows, labels).items():
        if not inputs.close(answer["gradients"].get(name), expected, 1e-3):
            missing = answer["gradients"].get(name) is None
            raise Failure(called, f"{name} got {'no' if missing else 'a wrong'} gradient", wanted, hint)


def _reference_gradients(half: Half, rows: Tensor, labels: Tensor) -> dict[str, Tensor]:
    model = inputs.reference(half.layers, 5)
    leaves = {"input": rows.clone().requires_grad_()}
    leaves |= {name: p for name, p in model.named_parameters() if name.split(".")[0] in half.layers}
    outputs = getattr(model, half.method)(leaves["input"], labels)
    outputs = outputs if isinstance(outputs, tuple) else (outputs,)
    total = sum((output * ramp(output)).sum() for output in outputs)
    return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))
