"""Measure the isolation level: try in a worker what no submission may do, and see what the system allows."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cvaekit.sandbox.failures import SandboxError, SubmissionFailure, TimedOut

if TYPE_CHECKING:
    from cvaekit.sandbox.client import Connection
    from cvaekit.sandbox.worker_handle import Worker

ATTEMPTS = Path(__file__).with_name("escape_attempts.py")
PROBE, LOOP = "_escape_attempts", "_endless_loop"
LOOP_SECONDS = 0.05
EXPECTED = {"process": "separate", "rlimits": "kept", "deadline": "kept"}  # on every system; without them level 0
LEVELS = {3: "locked", 2: "namespaced", 1: "limited", 0: "not contained"}


@dataclass(frozen=True)
class Isolation:
    """What workers are kept from on this machine.

    level: 3 locked; 1 limited, so that crashes, loops and (on Linux) memory are contained; 0 neither.
    self_test: the result of each attempt, by its name.
    """

    level: int
    summary: str
    self_test: dict[str, str] = field(default_factory=dict)


def measure_isolation(connection: "Connection", layers: dict[str, Any]) -> Isolation:
    """Try in a worker what no submission may do. layers: those that the zygote applies. Raises SandboxError."""
    with tempfile.TemporaryDirectory(prefix="cvaekit-canary-") as folder:
        canary = Path(folder) / "canary"
        canary.write_text("a submission that reads this could read the hidden checks\n")
        try:
            with connection.worker(ATTEMPTS.read_bytes(), ATTEMPTS.name) as worker:
                arguments = {"canary": str(canary), "grader": os.getpid(), "rlimits": layers["rlimits"]}
                found: dict[str, str] = worker.ask(PROBE, **arguments)
                found["deadline"] = _try_deadline(worker)
        except SubmissionFailure as failure:
            raise SandboxError(f"the self-test did not run: {failure}") from failure
    level = _level(layers, found)
    return Isolation(level, _summary(level, layers, found), found)


def _try_deadline(worker: "Worker") -> str:
    try:
        worker.ask(LOOP, seconds=LOOP_SECONDS)
    except TimedOut:
        return "kept" if worker.pid is None else "missed"
    return "missed"


def _level(layers: dict[str, Any], found: dict[str, str]) -> int:
    if any(found[name] != value for name, value in EXPECTED.items()):
        return 0
    if found["memory"] != "limited":  # macOS has no such limit
        return 0 if "as" in layers["rlimits"] else 1
    attempts = found.keys() - EXPECTED.keys() - {"memory"}
    return 3 if all(found[name] == "denied" for name in attempts) else 1


def _summary(level: int, layers: dict[str, Any], found: dict[str, str]) -> str:
    parts = [f"landlock={layers['landlock']} seccomp={layers['seccomp']} rlimits={','.join(layers['rlimits'])}"]
    for result in ("denied", "allowed"):
        names = [name for name, value in found.items() if value == result]
        parts += [f"{', '.join(names)} {result}"] if names else []
    parts += [f"{name} {found[name]}" for name, value in EXPECTED.items() if found[name] != value]
    parts += ["memory not limited"] if found["memory"] != "limited" else []
    return f"level {level} ({LEVELS[level]}): " + "; ".join(parts)
