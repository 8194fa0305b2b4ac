"""Check what is given: `forward` puts the parts together, and the constructor leaves weights that can learn."""

import torch
from torch import Tensor

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from cvaekit.grading.questions import SubmissionHandle
from graders.cvae.network import DECODER, ENCODER, Network, images

BATCH, LATENT_DIM, SEED = 7, 5, 83
STEPS = 3  # of training from the constructor's own weights, before its outputs are looked at
COMPARE = "forward is given: lay yours beside the starter's, line by line."
NARROW = -25.0  # a logvar whose noise no pixel shows
WIDE = 2.5  # how much further logvar reaches than with the usual weights: from -8 to 8


def _classes(network: Network) -> list[Tensor]:
    """(BATCH,) int64 for each condition."""
    return [onehot.argmax(dim=1) for onehot in network.onehots(BATCH, SEED)]


def _call(network: Network) -> str:
    return f"forward of {BATCH} images, each with its own {' and '.join(part.word for part in network.conditions)}"


def _weights(network: Network, narrow: bool) -> dict[str, Tensor]:
    """Weights of all layers, whose logvar is NARROW everywhere or reaches far on both sides of 0."""
    weights = dict(network.weights(ENCODER.layers + DECODER.layers, LATENT_DIM))
    for name in ("fc_logvar.weight", "fc_logvar.bias"):
        weights[name] = WIDE * weights[name]
    if narrow:
        weights["fc_logvar.weight"] = 1e-2 * weights["fc_logvar.weight"]
        weights["fc_logvar.bias"] = torch.full_like(weights["fc_logvar.bias"], NARROW)
    return weights


def _ask(network: Network, submission: SubmissionHandle, narrow: bool) -> dict[str, list[Tensor]]:
    """What `forward` gives, and what its parts give one after the other: reconstruction, mu and logvar each."""
    answer: dict[str, list[Tensor]] = submission.ask(
        "forward",
        _call(network),
        wanted="reconstruction, mu and logvar",
        seed=SEED,
        images=images(BATCH, SEED),
        conditions=_classes(network),
        widths=[condition.width for condition in network.conditions],
        latent_dim=LATENT_DIM,
        weights=_weights(network, narrow),
        **network.for_probes,
    )
    return answer


def forward_as_given(network: Network, submission: SubmissionHandle) -> None:
    """`forward` is decode after one sample after encode, with the same conditions, and returns what encode gave.

    The parts are the submission's own, so that a wrong one costs its own task. Noise that cannot be seeded is told by
    parts that disagree with themselves; then only what is left without noise is compared.
    """
    quiet, noisy = _ask(network, submission, narrow=True), _ask(network, submission, narrow=False)
    for answer in (quiet, noisy):
        _same_code(network, answer)
    decoded = "the reconstruction that decode gives for the sample and the image's own conditions"
    if not close(quiet["outputs"][0], quiet["parts"][0]):
        got = "another reconstruction than encode, reparameterize and decode give, called one after the other"
        raise Failure(f"{_call(network)}, next to no spread", got, decoded, COMPARE)
    seeded = close(noisy["repeated"][0], noisy["parts"][0])
    if seeded and not close(noisy["outputs"][0], noisy["parts"][0]):
        got = "another reconstruction than from one sample of reparameterize, though without spread it is the same"
        hint = "One sample is drawn and decoded as it is. What else happens between reparameterize and decode?"
        raise Failure(_call(network), got, decoded, hint)


def _same_code(network: Network, answer: dict[str, list[Tensor]]) -> None:
    _, mu, logvar = answer["outputs"]
    _, right_mu, right_logvar = answer["parts"]
    called, wanted = _call(network), "mu and logvar as encode gives them for the images and their own conditions"
    if close(mu, right_logvar) and close(logvar, right_mu):
        hint = "Compare the order of what you return with the order in which the loss expects it."
        raise Failure(called, "logvar came before mu", wanted, hint)
    for name, got, right in (("mu", mu, right_mu), ("logvar", logvar, right_logvar)):
        if not close(got, right):
            raise Failure(called, f"another {name} than encode gives", wanted, COMPARE)


def fresh_weights(network: Network, submission: SubmissionHandle) -> None:
    """What the constructor makes is finite, and tells images apart, if need be after a few steps."""
    called = f"forward of a new {network.name}"
    wanted = "weights that the constructor leaves as the layers drew them, or others from which it can learn"
    outputs = submission.ask(
        "fresh",
        called,
        wanted="reconstruction, mu and logvar",
        seed=SEED,
        model=network.name,
        images=images(BATCH, SEED),
        conditions=_classes(network),
        latent_dim=LATENT_DIM,
        steps=STEPS,
    )
    if not all(torch.isfinite(output).all() for output in outputs):
        hint = "What does the constructor write into its layers?"
        raise Failure(called, "numbers that are not finite (inf, nan)", wanted, hint)
    reconstruction, mu, _ = outputs
    for name, output in (("mu", mu), ("the reconstruction", reconstruction)):
        if close(output, output[:1].expand_as(output), 1e-6):
            hint = "Weights that are all the same stay so in training. What does the constructor write into its layers?"
            raise Failure(called, f"{name} is the same for every image", wanted, hint)
