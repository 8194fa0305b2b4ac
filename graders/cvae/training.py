"""The training run that the grader drives: its settings, the run, and what its outcome is held against."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from cvaekit.grading.failure import Failure
from cvaekit.grading.questions import SubmissionHandle
from cvaekit.kit import Table
from graders.cvae import scoring
from graders.cvae.network import Network

LARGEST = 1e6  # nats; beyond this a report need not tell numbers apart
SECONDS = 60.0  # an honest run needs about three
SEED = 7
FALLING = "a loss that falls and stays finite"


class Limits(Table):
    """Nats per held-out image that a run may end with at most, and the part of them that the KL has at least."""

    latent_dim: int
    batch: int
    learning_rate: float
    limit: float
    kl_floor: float


class Run(Limits):
    """`[settings.training]` of an assignment whose loop is the grader's: so many steps of Adam."""

    steps: int


def train(
    network: Network,
    submission: SubmissionHandle,
    run: Run,
    called: str,
    images: Tensor,
    conditions: Sequence[Tensor],
    loss: str | None = None,
) -> nn.Module:
    """Train the submission; return the reference's model with its weights. A Failure where there are none.

    images: (n, 784) uint8; conditions: (n,) int64 each. It trains on the device that was asked for, or on the CPU where
    the submission knows only that one.
    """

    def answer(device: str) -> dict[str, object]:
        found: dict[str, object] = submission.ask(
            "train",
            called,
            wanted="a model that trains",
            seconds=SECONDS,
            seed=SEED,
            device=device,
            on=device,
            model=network.name,
            images=images,
            conditions=list(conditions),
            start=scoring.start(lambda: network.reference(run.latent_dim)),
            latent_dim=run.latent_dim,
            steps=run.steps,
            batch=run.batch,
            learning_rate=run.learning_rate,
            loss=loss,
        )
        return found

    try:
        found = answer(submission.device)
    except Failure as failure:
        if submission.device == "cpu" or "same device" not in failure.got:
            raise
        submission.note(
            "Some tensor is always made on the CPU, so the model cannot train on a GPU. It was trained here on the CPU."
        )
        found = answer("cpu")
    if found["steps"] != run.steps:
        raise Failure(called, f"the loss was no finite number after {found['steps']} steps", FALLING)
    weights: scoring.Weights = found["weights"]  # type: ignore[assignment]  # its form
    model = scoring.loaded(lambda: network.reference(run.latent_dim), weights)
    if model is None:
        raise Failure(called, "a model with other parameters than the starter's", "the starter's parameters, trained")
    if not all(torch.isfinite(tensor).all() for tensor in weights.values()):
        raise Failure(called, "weights that are not finite (inf, nan)", FALLING)
    start = scoring.start(lambda: network.reference(run.latent_dim))
    if any(torch.equal(tensor, start[name]) for name, tensor in weights.items()):
        hint = "Part of the network is never told how well it did. Which step cuts it off?"
        raise Failure(called, "layers whose weights never moved", "the starter's parameters, trained", hint)
    return model


def judge(
    submission: SubmissionHandle,
    limits: Limits,
    called: str,
    nats: float,
    kl: float,
    hint: str | None = None,
) -> None:
    """Hold the negative ELBO of trained weights and its KL part, nats per held-out image, against `limits`.

    Both go into the report. `hint` is for a loss that has not fallen far enough; without one the task's hint serves.
    """
    if not (math.isfinite(nats) and math.isfinite(kl)):
        raise Failure(called, "weights so large that they describe nothing any more", FALLING)
    nats, kl = min(nats, LARGEST), min(kl, LARGEST)
    submission.metric("nats per unseen image", round(nats, 1), limits.limit, "nats", "lower")
    submission.metric("KL", round(kl, 1), limits.kl_floor, "nats", "higher")
    wanted = f"at most {limits.limit:g} nats per unseen image, and a latent code that carries information"
    if not nats <= limits.limit:
        raise Failure(called, f"{nats:.1f} nats per unseen image", wanted, hint)
    if not kl >= limits.kl_floor:
        asleep = "The decoder works from what it is told alone; what keeps the code from being used?"
        raise Failure(called, f"a latent code that carries {kl:.1f} nats", wanted, asleep)
