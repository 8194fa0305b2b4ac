"""Questions to a submission of Exercise 2. These functions run inside the locked worker, next to the student's code.

They hold nothing secret and decide nothing: each calls the submission and returns the values that came back.
`module` is the imported submission. A probe raises Unexpected when what came back cannot be used at all.
"""

from typing import Any

import torch
from torch import Tensor, nn

from cvaekit.sandbox.probe import Unexpected, call, describe, number

# What each probe returns, for the grader to hold an answer against: see cvaekit.grading.form.
FORMS: dict[str, Any] = {
    "both_terms": {"terms": [float, float], "after": [Tensor, Tensor, Tensor, Tensor]},
    "per_unit": {"kl": Tensor, "after": [Tensor, Tensor]},
    "active": {"active": int, "after": Tensor},
    "mapped": {"images": Tensor},
    "compared": {"losses": {str: float}, "smallest": int, "trained": [int], "measured": [int]},
    "even": {"images": Tensor},
    "enough": {"epochs": int, "after": [float]},
    "loop": {"history": [float], "seen": [Tensor], "parameter": Tensor, "after": [Tensor, Tensor]},
    "train_model": {"weights": {str: Tensor}},
}


def both_terms(module: Any, inputs: list[Tensor]) -> dict[str, Any]:
    """`nats_per_image` of reconstruction, images, mu, logvar."""
    handed = [tensor.clone() for tensor in inputs]
    found = call(lambda: module.nats_per_image(*handed))
    if not isinstance(found, (tuple, list)) or len(found) != 2:
        raise Unexpected(describe(found))
    return {"terms": call(lambda: [number(term) for term in found]), "after": handed}


def per_unit(module: Any, inputs: list[Tensor]) -> dict[str, Any]:
    """`kl_per_unit` of mu, logvar."""
    handed = [tensor.clone() for tensor in inputs]
    return {"kl": _tensor(call(lambda: module.kl_per_unit(*handed))), "after": handed}


def active(module: Any, mu: Tensor, threshold: float | None = None) -> dict[str, Any]:
    """`active_units` of mu, with its own threshold or another one."""
    handed = mu.clone()
    more = () if threshold is None else (threshold,)
    found = call(lambda: module.active_units(handed, *more))
    return {"active": _whole(found), "after": handed}


def mapped(
    module: Any, weights: dict[str, Tensor], digit: int, size: int | None = None, reach: float | None = None
) -> dict[str, Any]:
    """`latent_map` of a decoder with these weights, with its own size and reach or others."""
    more = {name: value for name, value in (("size", size), ("reach", reach)) if value is not None}
    return {"images": _tensor(call(lambda: module.latent_map(_Drawing(weights), digit, **more)))}


def compared(module: Any, losses: dict[str, float], margin: float | None, own_sizes: bool = False) -> dict[str, Any]:
    """`compare_sizes`, of its own sizes or those of `losses`, where training a size gives the loss that `losses` names.

    Also what was trained and measured.
    """
    trained: list[int] = []
    measured: list[int] = []

    def train(latent_dim: int) -> Any:
        trained.append(int(latent_dim))
        return _Size(int(latent_dim))

    def measure(model: Any) -> float:
        if not isinstance(model, _Size):
            raise TypeError("measure() takes a model that train() returned")
        measured.append(model.latent_dim)
        return losses.get(str(model.latent_dim), 0.0)

    sizes = () if own_sizes else (tuple(map(int, losses)),)
    more = {} if margin is None else {"margin": margin}
    found = call(lambda: module.compare_sizes(train, measure, *sizes, **more))
    if not isinstance(found, (tuple, list)) or len(found) != 2 or not isinstance(found[0], dict):
        raise Unexpected(describe(found))
    table = call(lambda: {str(size): number(loss) for size, loss in found[0].items()})
    return {"losses": table, "smallest": _whole(found[1]), "trained": trained, "measured": measured}


def even(module: Any, weights: dict[str, Tensor], count: int) -> dict[str, Any]:
    """`even_digits` drawn by a decoder with these weights."""
    return {"images": _tensor(call(lambda: module.even_digits(_Drawing(weights), count)))}


def enough(module: Any, losses: list[float], gain: float | None = None) -> dict[str, Any]:
    """`enough_epochs` of a list of losses."""
    handed = list(losses)
    more = () if gain is None else (gain,)
    found = call(lambda: module.enough_epochs(handed, *more))
    return {"epochs": _whole(found), "after": list(handed)}


def loop(
    module: Any, images: Tensor, labels: Tensor, start: Tensor, epochs: int, batch: int, learning_rate: float
) -> dict[str, Any]:
    """`train` of a model with three numbers to learn, `start`, and no noise; which images it was shown, by batch."""
    model, handed = _Watched(start), [images.clone(), labels.clone()]
    found = call(lambda: module.train(model, *handed, epochs, batch, learning_rate))
    if not isinstance(found, (tuple, list)):
        raise Unexpected(describe(found))
    history = call(lambda: [number(loss) for loss in found])
    seen = call(lambda: {"seen": model.seen, "parameter": model.parameter.detach()})
    return {"history": history, **seen, "after": handed}


def train_model(
    module: Any,
    images: Tensor,
    labels: Tensor,
    start: dict[str, Tensor],
    epochs: int,
    batch: int,
    learning_rate: float,
) -> dict[str, Any]:
    """`train` of a CVAE from the weights `start`; the trained weights by name. images: (n, 784) uint8."""
    model = Model(start["fc_mu.weight"].shape[0])
    model.load_state_dict(start)
    history = call(lambda: module.train(model, images.float() / 255, labels, epochs, batch, learning_rate))
    if not isinstance(history, (tuple, list)):
        raise Unexpected(describe(history))
    return {"weights": call(lambda: {name: parameter.detach() for name, parameter in model.named_parameters()})}


class Model(nn.Module):
    """The script's model, without its options; the grader scores weights with it too."""

    def __init__(self, latent_dim: int) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.encoder = nn.Sequential(nn.Linear(794, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU())
        self.fc_mu = nn.Linear(256, latent_dim)
        self.fc_logvar = nn.Linear(256, latent_dim)
        layers = [nn.Linear(latent_dim + 10, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 784)]
        self.decoder = nn.Sequential(*layers, nn.Sigmoid())

    def encode(self, x: Tensor, labels_onehot: Tensor) -> tuple[Tensor, Tensor]:
        h = self.encoder(torch.cat([x, labels_onehot], dim=1))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu: Tensor, logvar: Tensor) -> Tensor:
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z: Tensor, labels_onehot: Tensor) -> Tensor:
        pixels: Tensor = self.decoder(torch.cat([z, labels_onehot], dim=1))
        return pixels

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        labels_onehot = nn.functional.one_hot(labels, 10).float()
        mu, logvar = self.encode(x, labels_onehot)
        return self.decode(self.reparameterize(mu, logvar), labels_onehot), mu, logvar


class _Drawing(nn.Module):
    """A model that can only draw: two hidden layers, from the weights that it is given."""

    def __init__(self, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.layers = [(weights[f"{name}.weight"], weights[f"{name}.bias"]) for name in ("first", "second", "third")]
        self.latent_dim, self.num_classes = self.layers[0][0].shape[1] - 10, 10

    def decode(self, z: Tensor, labels_onehot: Tensor) -> Tensor:
        h = torch.cat([z, labels_onehot], dim=1)
        for place, (weight, bias) in enumerate(self.layers, start=1):
            h = nn.functional.linear(h, weight, bias)
            h = h.relu() if place < len(self.layers) else h.sigmoid()
        return h


class _Size:
    """What training a latent size gives, where nothing is trained."""

    def __init__(self, latent_dim: int) -> None:
        self.latent_dim = latent_dim


class _Watched(nn.Module):
    """A model of three numbers: every pixel's logit, every unit's mu and logvar. It remembers what it was shown."""

    def __init__(self, start: Tensor) -> None:
        super().__init__()
        self.parameter = nn.Parameter(start.clone())
        self.seen: list[Tensor] = []

    def forward(self, x: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        self.seen.append(torch.cat([x[:, 0], labels.float()]).detach().clone())
        logit, mu, logvar = self.parameter
        return logit.sigmoid().expand(x.shape), mu.expand(len(x), 2), logvar.expand(len(x), 2)


def _tensor(value: Any) -> Tensor:
    if type(value).__module__ == "numpy" or (isinstance(value, list) and value):
        value = call(torch.as_tensor, value)
    if not isinstance(value, Tensor):
        raise Unexpected(describe(value))
    return value.detach()


def _whole(value: Any) -> int:
    """A whole number; 3.0 is none, since it cannot count anything."""
    if hasattr(value, "item"):
        value = call(value.item)
    if isinstance(value, bool) or not isinstance(value, int):
        raise Unexpected(describe(value))
    return value
