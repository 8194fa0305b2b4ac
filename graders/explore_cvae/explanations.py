"""Explain wrong answers that are no known mistake's: task id -> what its exchanges show, a sentence or two."""

from collections.abc import Callable, Sequence

import torch

from cvaekit.sandbox.exchange import Exchange
from graders.cvae import kl_explained


def nats_per_image(exchanges: Sequence[Exchange]) -> list[str]:
    answers = [(*each.arguments["inputs"][2:], torch.tensor(each.answer["terms"][1])) for each in exchanges]
    return kl_explained.explain_values(answers)


def kl_per_unit(exchanges: Sequence[Exchange]) -> list[str]:
    answers = [(*each.arguments["inputs"], each.answer["kl"]) for each in exchanges]
    fitting = [(mu, logvar, found) for mu, logvar, found in answers if found.shape == mu.shape[1:]]
    return kl_explained.explain_values(fitting) if len(fitting) == len(answers) else []


EXPLANATIONS: dict[str, Callable[[Sequence[Exchange]], list[str]]] = {
    "nats_per_image": nats_per_image,
    "kl_per_unit": kl_per_unit,
}
