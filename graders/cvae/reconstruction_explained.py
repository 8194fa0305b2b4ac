"""Explain a wrong reconstruction term by its gradient, which tells pixel by pixel what was computed of guess and truth.

That of the binary cross entropy is (guess - truth) / (guess (1 - guess)).
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cvaekit.sandbox.exchange import Exchange
from graders.cvae import fit

AVERAGED = {
    "images": "The right question per pixel, averaged over the images. How should the loss grow when the batch grows?",
    "pixels": "The right question per pixel, averaged over the pixels. Does a larger image cost no more?",
    "both": "The right question per pixel, averaged. The other part of the loss is a sum: do both count alike?",
}
SIGN = "A loss that likes being wrong: a better guess should cost less."
WEIGHT = "The right question per pixel, but all of it has another weight than the other part of the loss."
SQUARED = "Guess and truth are compared as numbers. The question per pixel is yes or no: what does such an answer cost?"
ABSOLUTE = "Only the distance of a guess counts. The question per pixel is yes or no: what does such an answer cost?"
SWAPPED = "Guess and truth have changed places: which of the two is the one to be punished for being sure and wrong?"
INK_ONLY = "Only bright pixels cost something. What should ink cost that is drawn where none belongs?"
DARK_ONLY = "Only dark pixels cost something. What should it cost to leave ink out?"
TWICE = "The guesses are squeezed into probabilities once more, and they are probabilities already."
LIMITED = "Beyond some value the loss no longer follows {}. Is a limit put on it?"
SOME_IMAGES = "Some images of the batch cost nothing. Are all of them added up?"
SOME_PIXELS = "Some pixels cost nothing, whatever was drawn there. Are all of them asked?"
UNEQUAL_IMAGES = "The images of a batch do not all count alike. Is each of them added up once?"
UNEQUAL_PIXELS = "The pixels do not all count alike. Is each of them asked once?"


def explain(exchanges: Sequence[Exchange]) -> list[str]:
    """What is wrong with the reconstruction term, in a sentence; none where the answers do not tell."""
    asked = [exchange for exchange in exchanges if _can_be_fitted(exchange)]
    if not asked:
        return []
    guess, truth, got = (_joined(asked, name) for name in ("reconstruction", "original", "gradient"))
    right = (guess - truth) / (guess * (1 - guess))
    sizes = [exchange.arguments["reconstruction"].shape for exchange in asked]
    images = torch.cat([torch.full((rows * columns,), float(rows), dtype=torch.float64) for rows, columns in sizes])
    pixels = float(sizes[0][1])
    for averaged, scale in (("images", images), ("pixels", pixels), ("both", images * pixels)):
        if fit.agree(got * scale, right):
            return [AVERAGED[averaged]]
    for sentence, function in _others(guess, truth).items():
        if fit.weights(got, {sentence: function}, most=1):
            return [sentence]
    if weight := fit.weights(got, {"": right}, most=1):
        return [] if abs(weight[""] - 1) < 0.01 else [SIGN if weight[""] < 0 else WEIGHT]
    if fit.is_limited(got, right, guess, got):
        return [LIMITED.format("a guess")]
    if fit.is_limited(got, right, truth, guess - got * guess * (1 - guess)):
        return [LIMITED.format("the truth")]
    return _left_out(asked)


def _others(guess: Tensor, truth: Tensor) -> dict[str, Tensor]:
    """Gradients of what is computed in place of a cross entropy."""
    clipped = truth.clamp(1e-7, 1 - 1e-7)
    return {
        SQUARED: guess - truth,
        ABSOLUTE: (guess - truth).sign(),
        SWAPPED: ((1 - clipped).log() - clipped.log()).clamp(-100, 100),
        INK_ONLY: -truth / guess,
        DARK_ONLY: (1 - truth) / (1 - guess),
        TWICE: guess.sigmoid() - truth,
    }


def _left_out(asked: Sequence[Exchange]) -> list[str]:
    """What to say where the gradient is the right one but for whole images, or whole columns of pixels."""
    found = set()
    for exchange in asked:
        guess, truth = (exchange.arguments[name].double() for name in ("reconstruction", "original"))
        got, right = exchange.answer["gradients"]["reconstruction"].double(), (guess - truth) / (guess * (1 - guess))
        clear = right.abs() > fit.TELLING
        wrong = clear & ((got - right).abs() > fit.CLOSE * (1 + right.abs()))
        if not wrong.any() or len(wrong) == 1:  # in one image, rows and columns look alike
            continue
        nothing = bool(got[wrong].abs().max() == 0)
        lines = [bool((wrong == (clear & wrong.any(dim=dim, keepdim=True))).all()) for dim in (1, 0)]
        found.add((nothing, *lines))
    if len(found) != 1:
        return []
    nothing, of_images, of_pixels = found.pop()
    if of_images == of_pixels:
        return []
    if nothing:
        return [SOME_IMAGES if of_images else SOME_PIXELS]
    return [UNEQUAL_IMAGES if of_images else UNEQUAL_PIXELS]


def _can_be_fitted(exchange: Exchange) -> bool:
    gradients = exchange.answer["gradients"] if exchange.probe == "loss" else None
    found = gradients["reconstruction"] if gradients else None
    return isinstance(found, Tensor) and bool(found.isfinite().all())


def _joined(asked: Sequence[Exchange], name: str) -> Tensor:
    """All elements of an argument, or of the gradient by the reconstruction, in float64."""
    tensors = [
        exchange.answer["gradients"]["reconstruction"] if name == "gradient" else exchange.arguments[name]
        for exchange in asked
    ]
    return torch.cat([tensor.double().flatten() for tensor in tensors])
