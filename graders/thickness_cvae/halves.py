"""What encoder and decoder have in common: both lay two conditions beside their input and use given layers."""

from dataclasses import dataclass
from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from graders.checks.asking import HINTS, Asker
from graders.checks.failure import Failure
from graders.conditional_vae.probes import ramp
from graders.sandbox import WrongReturn
from graders.thickness_cvae import inputs

NAMES = ("digit", "thickness")


@dataclass(frozen=True)
class Half:
    """One of the two networks. `given` is what its input is called, `layers` its own, `returns` its outputs."""

    method: str
    given: str
    argument: str
    layers: tuple[str, ...]
    returns: tuple[str, ...]

    def example(self, batch: int, latent_dim: int, seed: int) -> list[Tensor]:
        """Input, one-hot digits and one-hot thicknesses."""
        return [inputs.rows(self.method, batch, latent_dim, seed), *inputs.conditions(batch, seed)]

    def call(self, rows: Tensor) -> str:
        return f"{self.method}({self.argument}, digit, thickness) with {self.argument} of shape {tuple(rows.shape)}"

    def ask(self, submission: Asker, example: list[Tensor], latent_dim: int) -> dict[str, Any]:
        """The probe's answer, its outputs checked for number and shape."""
        weights = inputs.weights(self.layers, latent_dim)
        called, wanted = self.call(example[0]), self._wanted()
        answer: dict[str, Any] = submission.ask(
            self.method, called, wanted=wanted, inputs=example, latent_dim=latent_dim, weights=weights
        )
        width, reached = sum(part.shape[1] for part in example), answer["reached"]
        if reached and reached[0].shape != (len(example[0]), width):
            raise Failure(
                f"{called}, which called {self.layers[0]}",
                f"{self.layers[0]} was handed {inputs.shape_of(reached[0])}",
                f"each row of {self.argument}, followed by the same rows of digit and of thickness",
            )
        outputs = [answer["outputs"]] if len(self.returns) == 1 else answer["outputs"]
        shape = (len(example[0]), latent_dim if self.method == "encode" else 784)
        fits = isinstance(outputs, list) and len(outputs) == len(self.returns)
        if not fits or any(not isinstance(output, Tensor) or output.shape != shape for output in outputs):
            raise Failure(called, inputs.shape_of(answer["outputs"]), wanted, HINTS[WrongReturn])
        return {**answer, "outputs": outputs}

    def _wanted(self) -> str:
        if self.method == "encode":
            return "mu and logvar, each a tensor of shape (batch, latent_dim)"
        return "the reconstruction, a tensor of shape (batch, 784)"

    def reference(self, example: list[Tensor], latent_dim: int) -> list[Tensor]:
        outputs = getattr(inputs.reference(self.layers, latent_dim), self.method)(*example)
        return list(outputs) if isinstance(outputs, tuple) else [outputs]


ENCODER = Half("encode", "the image", "x", inputs.ENCODER, ("mu", "logvar"))
DECODER = Half("decode", "the latent code", "z", inputs.DECODER, ("the reconstruction",))


def first_layer(half: Half, submission: Asker) -> None:
    """What reaches the first layer is the input's row, then its digit, then its thickness."""
    example = half.example(7, 5, 11)
    reached = half.ask(submission, example, 5)["reached"]
    if not reached:  # the layer's weights may be used without calling it; the outputs then decide
        return agrees(half, submission, 7, 5, 11)
    if inputs.close(reached[0], torch.cat(example, dim=1), 1e-5):
        return None
    called = f"{half.method}({half.argument}, digit, thickness), which called {half.layers[0]}"
    got, hint = "a row of the right length, but not made of its three parts as they were handed over", None
    for order in permutations(range(3)):
        if inputs.close(reached[0], torch.cat([example[part] for part in order], dim=1), 1e-5):
            named = [(half.given, "digit", "thickness")[part] for part in order]
            got, hint = f"the order was {', '.join(named)}", "All three are there. The handout fixes their order."
    raise Failure(called, got, f"each row of {half.argument}, followed by its digit and then its thickness", hint)


def agrees(half: Half, submission: Asker, batch: int, latent_dim: int, seed: int) -> None:
    """The outputs are what the given layers compute, also for a batch of one."""
    example = half.example(batch, latent_dim, seed)
    answer = half.ask(submission, example, latent_dim)
    for name, got, wanted in zip(half.returns, answer["outputs"], half.reference(example, latent_dim), strict=True):
        if not inputs.close(got, wanted.detach()):
            raise Failure(
                half.call(example[0]),
                f"{name} has the right shape and other values than the given layers compute",
                f"{name} as the starter's layers compute it from {half.given}, its digit and its thickness",
                "Follow one row through the layers: is each of them used once, in order, with its own activation?",
            )


def conditions_matter(half: Half, submission: Asker) -> None:
    """Another digit, or another thickness, gives another output."""
    example = half.example(4, 5, 17)
    before = half.ask(submission, example, 5)["outputs"]
    for place, name in enumerate(NAMES, start=1):
        changed = [part.roll(1, dims=1) if place == number else part for number, part in enumerate(example)]
        for output, one, other in zip(half.returns, before, half.ask(submission, changed, 5)["outputs"], strict=True):
            if inputs.close(one, other):
                raise Failure(
                    f"{half.method} twice with the same {half.argument} and another {name}",
                    f"{output} was the same",
                    f"outputs that depend on the {name}",
                    f"Which way does the {name} take from the arguments to the first layer?",
                )


def nothing_changed(half: Half, submission: Asker) -> None:
    """The inputs are the same after the call as before."""
    example = half.example(4, 5, 19)
    after = half.ask(submission, example, 5)["inputs_after"]
    for name, got, wanted in zip((half.argument, *NAMES), after, example, strict=True):
        if not inputs.close(got, wanted, 1e-6):
            raise Failure(
                half.call(example[0]),
                f"{name} was overwritten",
                "inputs that are left as they came",
                "The caller still needs what it handed over.",
            )


def gradients(half: Half, submission: Asker) -> None:
    """Gradients reach the input and both conditions, with the values that the reference has."""
    example = half.example(3, 5, 23)
    answer = half.ask(submission, example, 5)
    called, wanted = f"backward through {half.method}", "gradients that reach everything that was handed over"
    hint = "The error must be able to travel back through every step; which one cuts it off?"
    if not answer.get("gradients"):
        raise Failure(called, "the outputs carry no gradient", wanted, hint)
    leaves = [part.clone().requires_grad_() for part in example]
    total = torch.stack([(output * ramp(output)).sum() for output in half.reference(leaves, 5)]).sum()
    names, found = ("first", *NAMES), torch.autograd.grad(total, leaves)
    for name, expected in zip(names, found, strict=True):
        got = answer["gradients"].get(name)
        if not inputs.close(got, expected, 1e-3):
            named = half.argument if name == "first" else name
            raise Failure(called, f"{named} got {'no' if got is None else 'a wrong'} gradient", wanted, hint)
