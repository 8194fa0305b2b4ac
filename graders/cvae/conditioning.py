"""Check how encoder and decoder are conditioned: input and conditions, in order, reach given layers, row by row."""

from itertools import permutations
from typing import Any

import torch
from torch import Tensor

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from cvaekit.grading.questions import HINTS, SubmissionHandle
from cvaekit.sandbox import BadReply, WrongReturn
from graders.cvae import columns
from graders.cvae.network import DECODER, Half, Network, shape_of
from graders.cvae.probes import ramp


class Conditioning:
    """The checks of one half of one network."""

    def __init__(self, network: Network, half: Half):
        self.network, self.half = network, half
        self.arguments = (half.argument, *(condition.argument for condition in network.conditions))
        self.words = [condition.word for condition in network.conditions]
        one = len(self.words) == 1
        rows = "the same row of" if one else "the same rows of"
        self.in_order = f"each row of {half.argument}, followed by {rows} {' and of '.join(self.arguments[1:])}"
        self.parts = f"{half.given} and its {' and its '.join(self.words)}"

    def call(self, rows: Tensor) -> str:
        shape = tuple(rows.shape)
        return f"{self.half.method}({', '.join(self.arguments)}) with {self.half.argument} of shape {shape}"

    @property
    def first_called(self) -> str:
        return f"{self.half.method}({', '.join(self.arguments)}), which called {self.half.first}"

    def ask(
        self,
        submission: SubmissionHandle,
        example: list[Tensor],
        latent_dim: int,
        gradients: bool = False,
        weights: dict[str, Tensor] | None = None,
    ) -> dict[str, Any]:
        """The probe's answer, its outputs checked for number and shape."""
        half, called = self.half, self.call(example[0])
        weights = weights or self.network.weights(half.layers, latent_dim)
        arguments: dict[str, Any] = {"method": half.method, "first": half.first, "latent_dim": latent_dim}
        arguments |= {"inputs": example, "weights": weights, "gradients": gradients, **self.network.for_probes}
        answer: dict[str, Any] = submission.ask("half", called, wanted=half.wanted(), **arguments)
        if len(answer["inputs_after"]) != len(example):
            raise Failure(called, "a reply that cannot be used", half.wanted(), HINTS.get(BadReply))
        reached = answer["reached"]
        if reached and (reached[0].dim() != 2 or reached[0].shape[1] != sum(part.shape[1] for part in example)):
            got = f"{half.first} was handed {shape_of(reached[0])}"
            raise Failure(f"{called}, which called {half.first}", got, self.in_order)
        outputs = [answer["outputs"]] if len(half.returns) == 1 else answer["outputs"]
        shape = (len(example[0]), half.output_width(latent_dim))
        fits = isinstance(outputs, list) and len(outputs) == len(half.returns)
        if not fits or any(not isinstance(output, Tensor) or output.shape != shape for output in outputs):
            raise Failure(called, shape_of(answer["outputs"]), half.wanted(), HINTS[WrongReturn])
        return {**answer, "outputs": outputs}

    def first_layer(self, submission: SubmissionHandle) -> None:
        """What reaches the first layer is the input's row, followed by its conditions."""
        example = self.network.example(self.half, 7, 5, 11)
        answer = self.ask(submission, example, 5)
        if not answer["reached"]:  # the layer's weights may be used without calling it; the outputs then decide
            return self.agrees(submission, 7, 5, 11)
        reached, wanted = answer["reached"][0], torch.cat(example, dim=1)
        if close(reached, wanted, 1e-5):
            return None
        got, hint = f"{self.half.first} was handed {shape_of(reached)}", None
        if reached.shape == wanted.shape:
            got, hint = self._describe_order(reached, example)
        raise Failure(self.first_called, got, self.in_order, hint)

    def _describe_order(self, reached: Tensor, example: list[Tensor]) -> tuple[str, str | None]:
        """How a row of the right length differs from the right one, and a hint."""
        names = [self.half.given, *(f"the {word}" for word in self.words)]
        for order in permutations(range(len(example))):
            if close(reached, torch.cat([example[part] for part in order], dim=1), 1e-5):
                everything = "Both" if len(names) == 2 else "All"
                hint = f"{everything} are there. The handout fixes the order: {', then '.join(names)}."
                return f"{names[order[0]]} came first, then {', then '.join(names[part] for part in order[1:])}", hint
        parts = reached.split([part.shape[1] for part in example], dim=1)
        wrong = [at for at, part in enumerate(example) if not close(parts[at], part, 1e-5)]
        found = {at: columns.difference(parts[at], example[at]) for at in wrong}
        if len(set(found.values())) == 1 and (same := found[wrong[0]]):  # of one part, or of all that are wrong
            return f"{' and '.join(names[at] for at in wrong)} {same[0]}", same[1]
        width = example[0].shape[1]
        if close(reached[:, :width], example[0], 1e-5):
            others = " and ".join(self.words)
            return f"{self.half.given} arrived, and after it something else than the row's {others}", None
        return f"a row of the right length, but not made of {self.parts} as they were handed over", None

    def agrees(self, submission: SubmissionHandle, batch: int, latent_dim: int, seed: int) -> None:
        """The outputs are what the given layers compute."""
        example = self.network.example(self.half, batch, latent_dim, seed)
        outputs = self.ask(submission, example, latent_dim)["outputs"]
        right = self.network.answer(self.half, example, latent_dim)
        for name, got, wanted in zip(self.half.returns, outputs, right, strict=True):
            if not close(got, wanted.detach()):
                raise Failure(
                    self.call(example[0]),
                    f"{name} has the right shape and other values than the given layers compute",
                    f"{name} as the starter's layers compute it from {self.parts}",
                    "Follow one row through the layers: is each of them used once, in order, with its own activation?",
                )

    def far_from_origin(self, submission: SubmissionHandle) -> None:
        """The outputs are what the given layers compute where inputs, hidden units and outputs are large."""
        example = self.network.example(self.half, 7, 5, 29)
        if self.half is DECODER:
            example[0] = 8 * example[0]
        weights = self.network.far_weights(self.half, example, 5)
        outputs = self.ask(submission, example, 5, weights=weights)["outputs"]
        right = self.network.answer(self.half, example, 5, weights)
        for name, got, wanted in zip(self.half.returns, outputs, right, strict=True):
            if not close(got, wanted.detach()):
                raise Failure(
                    f"{self.call(example[0])}, and weights that make the numbers large",
                    f"{name} has other values than the given layers compute",
                    f"{name} as the starter's layers compute it, however large the numbers in between become",
                    "Is a limit put on something, or is it squeezed into a range, where the starter has no such step?",
                )

    def conditions_matter(self, submission: SubmissionHandle) -> None:
        """Another value of a condition gives another output."""
        example = self.network.example(self.half, 4, 5, 17)
        before = self.ask(submission, example, 5)["outputs"]
        for place, condition in enumerate(self.network.conditions, start=1):
            turned = 3 if condition.width > 3 else 1
            changed = [part.roll(turned, dims=1) if at == place else part for at, part in enumerate(example)]
            after = self.ask(submission, changed, 5)["outputs"]
            for name, one, other in zip(self.half.returns, before, after, strict=True):
                if close(one, other):
                    raise Failure(
                        f"{self.half.method} twice with the same {self.half.argument} and another {condition.word}",
                        f"{name} was the same",
                        f"outputs that depend on the {condition.word}",
                        condition.hint,
                    )

    def rows_independent(self, submission: SubmissionHandle) -> None:
        """A row's output is the same alone as within a batch."""
        example = self.network.example(self.half, 23, 5, 13)
        together = self.ask(submission, example, 5)["outputs"]
        for row in (0, 9):
            alone = self.ask(submission, [part[row : row + 1] for part in example], 5)["outputs"]
            for name, got, wanted in zip(self.half.returns, alone, together, strict=True):
                if not close(got, wanted[row : row + 1]):
                    raise Failure(
                        self.call(example[0][:1]),
                        f"{name} of a row handed over alone differs from {name} of it in a batch",
                        "the same output for a row, whatever its neighbours are",
                        "Nothing that is done to one row should depend on the other rows.",
                    )

    def nothing_changed(self, submission: SubmissionHandle) -> None:
        """The inputs are the same after the call as before, and the model has no new layers."""
        example = self.network.example(self.half, 4, 5, 19)
        answer, called = self.ask(submission, example, 5), self.call(example[0])
        for name, got, wanted in zip(self.arguments, answer["inputs_after"], example, strict=True):
            if not close(got, wanted, 1e-6):
                wish, hint = "inputs that are left as they came", "The caller still needs what it handed over."
                raise Failure(called, f"{name} was overwritten", wish, hint)
        if answer["built"]:
            raise Failure(
                called,
                f"the call added {', '.join(answer['built'][:3])} to the model",
                "all layers made in the constructor",
                "A layer made during a call is new each time and cannot learn.",
            )

    def gradients(self, submission: SubmissionHandle) -> None:
        """Gradients reach the input and every weight, with the values that the reference has.

        Those of the conditions are not asked for: nothing learns from them.
        """
        example = self.network.example(self.half, 3, 5, 23)
        answer = self.ask(submission, example, 5, gradients=True)
        called = f"backward through {self.half.method}"
        wanted = "gradients that reach the input and every layer"
        hint = "The error must be able to travel back through every step; which one cuts it off?"
        if not answer.get("gradients"):
            raise Failure(called, "the outputs carry no gradient", wanted, hint)
        for name, expected in self._reference_gradients(example).items():
            got = answer["gradients"].get(name)
            if not close(got, expected, 1e-3):
                raise Failure(called, f"{name} got {'no' if got is None else 'a wrong'} gradient", wanted, hint)

    def _reference_gradients(self, example: list[Tensor]) -> dict[str, Tensor]:
        model = self.network.with_weights(self.half.layers, 5)
        leaves = {"input": example[0].clone().requires_grad_()}
        leaves |= {name: p for name, p in model.named_parameters() if name.split(".")[0] in self.half.layers}
        outputs = self.network.answer(self.half, [leaves["input"], *example[1:]], 5)
        total = torch.stack([(output * ramp(output)).sum() for output in outputs]).sum()
        return dict(zip(leaves, torch.autograd.grad(total, list(leaves.values())), strict=True))
