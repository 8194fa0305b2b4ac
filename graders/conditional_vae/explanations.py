"""Explain wrong answers that are no known mistake's: task id -> what its exchanges show, a sentence or two."""

from collections.abc import Callable, Sequence

from cvaekit.sandbox.exchange import Exchange
from graders.cvae import kl_explained, reconstruction_explained

EXPLANATIONS: dict[str, Callable[[Sequence[Exchange]], list[str]]] = {
    "kl_loss": kl_explained.explain,
    "reconstruction_loss": reconstruction_explained.explain,
}
