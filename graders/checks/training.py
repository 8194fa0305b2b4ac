"""What a training run must reach, and how the report tells of it."""

import math
from typing import Any

from graders.checks.asking import Asker
from graders.checks.failure import Failure

LARGEST = 1e6  # nats; beyond this a report need not tell numbers apart


def judge(submission: Asker, called: str, nats: float, kl: float, steps: int, hint: str | None = None) -> None:
    """Hold the negative ELBO of trained weights and its KL part, nats per held-out image, against the limits set.

    Both go into the report. `hint` is for a loss that has not fallen far enough; without one the task's hint serves.
    """
    limits: dict[str, Any] = submission.grading.manifest.settings["training"]
    if not (math.isfinite(nats) and math.isfinite(kl)):
        raise Failure(called, "weights so large that they describe nothing any more", "a loss that falls")
    nats, kl = min(nats, LARGEST), min(kl, LARGEST)
    submission.grading.training = {
        "nats": round(nats, 1),
        "kl": round(kl, 1),
        "limit": limits["limit"],
        "steps": steps,
        "device": "cpu",
    }
    wanted = f"at most {limits['limit']:g} nats per unseen image, and a latent code that carries information"
    if not nats <= limits["limit"]:
        raise Failure(called, f"{nats:.1f} nats per unseen image", wanted, hint)
    if not kl >= limits["kl_floor"]:
        asleep = "The decoder works from what it is told alone; what keeps the code from being used?"
        raise Failure(called, f"a latent code that carries {kl:.1f} nats", wanted, asleep)
