"""Extract features of answers by which diagnosis compares a submission with known mistakes.

`cvae_loss` returns one number for two tasks. A submission that is wrong in both resembles no single mistake there; its
terms do, once they are taken apart as the checks take them apart (see `graders.cvae.losses`). And noise that comes from
another library than the mistake's hides that both treat it alike.
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from cvaekit.sandbox import SubmissionFailure
from cvaekit.sandbox.exchange import Exchange
from graders.cvae import noise


def kl_term(exchanges: Sequence[Exchange]) -> list[Any]:
    """Values less the first one on the same images, and the gradients of mu and logvar."""
    return [
        _differences(exchange, exchanges, ("reconstruction", "original"), ("mu", "logvar")) for exchange in exchanges
    ]


def reconstruction_term(exchanges: Sequence[Exchange]) -> list[Any]:
    """Values less the first one on the same mu and logvar, and the gradient of the reconstruction."""
    return [_differences(exchange, exchanges, ("mu", "logvar"), ("reconstruction",)) for exchange in exchanges]


def use_of_noise(exchanges: Sequence[Exchange]) -> list[Any]:
    """How a sample moves with mu, at which rate its noise grows with logvar, and roughly how wide it is,
    whatever noise was drawn."""
    return [_spread(exchange) if exchange.probe == "draws" else _rates(exchange) for exchange in exchanges]


QUANTILES = torch.tensor([0.2, 0.5, 0.8], dtype=torch.float64)  # the rates of single draws are rounded too much

FEATURES: dict[str, Callable[[Sequence[Exchange]], list[Any]]] = {
    "kl_loss": kl_term,
    "reconstruction_loss": reconstruction_term,
    "reparameterize": use_of_noise,
}


def _spread(exchange: Exchange) -> Any:
    mu, logvar = exchange.arguments["mu"], exchange.arguments["logvar"]
    if not isinstance(exchange.answer, Tensor) or exchange.answer.shape != mu.shape:
        return exchange.answer
    spread = float(noise.recovered(exchange.answer, mu, logvar).std())
    return round(4 * math.log2(spread)) if 0 < spread < math.inf else "no spread"


def _rates(exchange: Exchange) -> Any:
    answer = exchange.answer
    if isinstance(answer, SubmissionFailure):
        return answer
    gradients, sample, mu = answer.get("gradients"), answer["z"], exchange.arguments["mu"]
    if not (isinstance(sample, Tensor) and sample.shape == mu.shape):
        return "another shape"
    if not gradients:
        return "no gradient"
    if gradients["logvar"] is None:
        return [gradients["mu"]]
    rates = gradients["logvar"].double() / (sample.double() - mu.double())
    wide = rates[exchange.arguments["logvar"] > 0]  # narrow noise is lost in the rounding of z
    return [gradients["mu"], wide.nanquantile(QUANTILES) if len(wide) else None]


def _differences(
    exchange: Exchange, exchanges: Sequence[Exchange], fixed: tuple[str, ...], moving: tuple[str, ...]
) -> Any:
    answer = exchange.answer
    if isinstance(answer, SubmissionFailure):
        return answer
    base = next(other for other in exchanges if _agree(other, exchange, fixed)).answer
    if isinstance(base, SubmissionFailure):
        return base
    gradients = answer["gradients"]
    return {
        "difference": answer["value"] - base["value"],
        "gradients": gradients and {name: gradients[name] for name in moving},
    }


def _agree(one: Exchange, other: Exchange, names: tuple[str, ...]) -> bool:
    return all(torch.equal(one.arguments[name], other.arguments[name]) for name in names)
