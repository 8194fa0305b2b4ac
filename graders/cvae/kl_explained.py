"""Explain a wrong KL term by fits of its gradients: which part is not as it should be.

Of the closed form sum(mu^2 + exp(logvar) - 1 - logvar) / 2 (Kingma and Welling 2014, appendix B), the gradients by mu
and by logvar tell the three parts apart, image by image and unit by unit, whatever the reconstruction term does.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from cvaekit.sandbox.exchange import Exchange
from graders.cvae import fit
from graders.cvae.losses import kl_of_units

NEAR = 4.0  # |logvar| of the questions that are fitted: far out, one exponential drowns all else

MU, VARIANCE, LOGVAR = "what mu contributes", "what the variance contributes", "what logvar itself contributes"
AVERAGED = {
    "images": "The parts are right, but averaged over the images. How should the penalty grow when the batch grows?",
    "units": "The parts are right, but averaged over the latent units. Does a second unit make the first one cheaper?",
    "both": "The parts are right, but averaged. How should the penalty grow with the batch, and with the units?",
}
CONSTANT = "Every unit pays something even where the code is standard normal already. What should it pay there?"
OTHER_WAY = "This is the divergence taken the other way round: of the standard normal from the code."
# What stands in a gradient that should not be there: the misconception behind it.
FOREIGN = {
    "mu, one": "mu enters with its sign: a centre at +2 and one at -2 should cost the same.",
    "mu, sign": "mu enters by its distance from zero. Far out, a further step should cost more than near zero.",
    "mu, square": "mu enters with an odd power: a centre at +2 and one at -2 should cost the same.",
    "mu, cube": "mu enters with too high a power.",
    "logvar, root": "A standard deviation stands where a variance belongs.",
    "logvar, twice": "logvar is taken for the logarithm of a standard deviation. Of what is it the logarithm?",
    "logvar, itself": "logvar enters with a power. Its own part in the closed form is a plain one.",
    "logvar, sign": "logvar enters by its distance from zero: then narrow and wide codes are treated alike.",
    "logvar, inverse": "The variance stands upside down: which codes should cost more, the narrow or the wide ones?",
}
PARTS = "Write the term for one image and one unit first: which three quantities does it hold, and with which signs?"


def explain(exchanges: Sequence[Exchange]) -> list[str]:
    """What is wrong with the KL term, in up to two sentences; none where the answers do not tell."""
    asked = [exchange for exchange in exchanges if _can_be_fitted(exchange)]
    if not asked:
        return []
    mu, logvar, by_mu, by_logvar = (_joined(asked, name) for name in ("mu", "logvar", "by mu", "by logvar"))
    for averaged, scale in _scales(asked).items():
        of_mu = fit.weights(by_mu * scale, _of_mu(mu, logvar))
        of_logvar = fit.weights(by_logvar * scale, _of_logvar(mu, logvar))
        if of_mu is not None and of_logvar is not None:
            found = _sentences(of_mu, of_logvar)
            if averaged:
                found = [AVERAGED[averaged], *found] if len(found) < 2 else []
            return found or ([CONSTANT] if _pays_at_prior(exchanges) else [])
    right = 0.5 * (logvar.exp() - 1)
    limited = [
        f"Beyond some value of {name} the penalty no longer follows it. Is a limit put on {name}?"
        for name, got, wanted, of in (("mu", by_mu, mu, mu), ("logvar", by_logvar, right, logvar))
        if fit.is_limited(got, wanted, of, got)
    ]
    if limited:
        return limited
    if fit.agree(by_mu, mu):
        return [f"{MU.capitalize()} is right; what logvar and the variance contribute is not."]
    if fit.agree(by_logvar, right):
        return ["What logvar and the variance contribute is right; what mu contributes is not."]
    return [CONSTANT if _pays_at_prior(exchanges) else PARTS]


def _can_be_fitted(exchange: Exchange) -> bool:
    gradients = exchange.answer["gradients"] if exchange.probe == "loss" else None
    found = gradients and [gradients["mu"], gradients["logvar"]]
    if not found or any(gradient is None or not gradient.isfinite().all() for gradient in found):
        return False
    mu, logvar = exchange.arguments["mu"], exchange.arguments["logvar"]
    return bool(0 < logvar.abs().max() < NEAR and mu.abs().max() > 0)


def _joined(asked: Sequence[Exchange], name: str) -> Tensor:
    """All elements of an argument, or of the gradient by it, in float64."""
    if name.startswith("by "):
        return torch.cat([exchange.answer["gradients"][name[3:]].double().flatten() for exchange in asked])
    return torch.cat([exchange.arguments[name].double().flatten() for exchange in asked])


def _scales(asked: Sequence[Exchange]) -> dict[str, Tensor]:
    """What a gradient has to be multiplied by, element by element, if the term is averaged over this."""
    shapes = [exchange.arguments["mu"].shape for exchange in asked]
    images = torch.cat([torch.full((len_ * units,), float(len_), dtype=torch.float64) for len_, units in shapes])
    units = torch.cat([torch.full((len_ * units,), float(units), dtype=torch.float64) for len_, units in shapes])
    return {"": torch.ones_like(images), "images": images, "units": units, "both": images * units}


def _of_mu(mu: Tensor, logvar: Tensor) -> dict[str, Tensor]:
    one = torch.ones_like(mu)
    return {"right": mu, "one": one, "sign": mu.sign(), "square": mu**2, "cube": mu**3, "inverse": mu * (-logvar).exp()}


def _of_logvar(mu: Tensor, logvar: Tensor) -> dict[str, Tensor]:
    return {
        "variance": logvar.exp() / 2,
        "log": -torch.ones_like(logvar) / 2,
        "root": (logvar / 2).exp(),
        "twice": (2 * logvar).exp(),
        "itself": logvar,
        "sign": logvar.sign(),
        "inverse": (-logvar).exp(),
        "distance": mu**2 * (-logvar).exp(),
    }


def _sentences(of_mu: dict[str, float], of_logvar: dict[str, float]) -> list[str]:
    if "inverse" in of_mu and "distance" in of_logvar:
        return [OTHER_WAY]
    parts = {MU: of_mu.get("right", 0.0), VARIANCE: of_logvar.get("variance", 0.0), LOGVAR: of_logvar.get("log", 0.0)}
    foreign = [f"mu, {name}" for name in of_mu if name != "right"]
    foreign += [f"logvar, {name}" for name in of_logvar if name not in ("variance", "log")]
    if not foreign:
        return _weights(parts)
    if len(foreign) > 2 or any(name not in FOREIGN for name in foreign):
        return [PARTS]
    found = [FOREIGN[name] for name in foreign]
    if all(name.startswith("logvar") for name in foreign) and not _is(parts[MU], 1):
        found.append(_of_one(MU, parts[MU], 1))
    if all(name.startswith("mu") for name in foreign):
        found += _weights({MU: 1.0, VARIANCE: parts[VARIANCE], LOGVAR: parts[LOGVAR]})
    return found if len(found) <= 2 else [PARTS]


def _weights(parts: dict[str, float]) -> list[str]:
    """What to say of parts that should all have the weight 1."""
    values = list(parts.values())
    if all(_is(value, values[0]) for value in values):
        if _is(values[0], 1):
            return []
        if _is(values[0], 0):
            return ["Nothing of mu and logvar reaches the loss."]
        if values[0] < 0:
            return ["The term counts with the wrong sign: a divergence cannot be negative."]
        return ["All parts are there, and the whole has another weight than the formula gives it."]
    # The weight of most parts; 1 where each has one of its own.
    usual = next((v for v in values if not _is(v, 0) and sum(_is(v, other) for other in values) > 1), 1.0)
    found = [_of_one(name, value, usual) for name, value in parts.items() if not _is(value, usual)]
    return found if len(found) <= 2 else [PARTS]


def _of_one(name: str, value: float, usual: float) -> str:
    if _is(value, 0):
        return f"{name.capitalize()} is missing."
    if _is(value, -usual):
        return f"{name.capitalize()} has the wrong sign."
    return f"{name.capitalize()} has another weight than it should have beside the others."


def _is(value: float, wanted: float) -> bool:
    return abs(value - wanted) < 0.01


def _pays_at_prior(exchanges: Sequence[Exchange]) -> bool:
    """Whether the loss at mu = logvar = 0 grows with the number of units."""
    at_prior = [
        exchange
        for exchange in exchanges
        if exchange.probe == "loss" and not exchange.arguments["mu"].any() and not exchange.arguments["logvar"].any()
    ]
    for one in at_prior:
        for other in at_prior:
            same = torch.equal(one.arguments["reconstruction"], other.arguments["reconstruction"])
            more = other.arguments["mu"].shape[1] > one.arguments["mu"].shape[1]
            if same and more and abs(other.answer["value"] - one.answer["value"]) > 1e-3:
                return True
    return False


def explain_values(asked: Sequence[tuple[Tensor, Tensor, Tensor]]) -> list[str]:
    """Which one part of the KL of units, averaged over images, is wrong; nothing where it is not exactly one.

    asked: mu and logvar, (images, units), and what was computed of them: a number for each unit, or one for all.
    """
    errors, parts = [], []
    for mu, logvar, got in asked:
        mu, logvar, right = mu.double(), logvar.double(), kl_of_units(mu, logvar)
        found = torch.stack([mu**2 / 2, logvar.exp() / 2, -logvar / 2, -torch.ones_like(mu) / 2]).mean(dim=1)
        whole = got.numel() == 1
        errors.append(got.double().flatten() - (right.mean(0).sum()[None] if whole else right.mean(0)))
        parts.append(found.sum(dim=1, keepdim=True) if whole else found)
    error, part = torch.cat(errors), torch.cat(parts, dim=1)
    if len(error) < 3 or not torch.isfinite(error).all() or error.abs().max() < 1e-3:
        return []
    for name, function in zip((MU, VARIANCE, LOGVAR, ""), part, strict=True):
        weight = float((error * function).sum() / function.square().sum())
        if float((error - weight * function).norm()) <= fit.CLOSE * float(error.norm()):
            return [_of_one(name, 1 + weight, 1.0) if name else CONSTANT]
    return []
