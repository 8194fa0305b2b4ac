"""The isolation level, computed from what a real worker could do and not from what it was meant to be unable to do."""

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graders.sandbox.failures import SandboxError, SubmissionFailure

if TYPE_CHECKING:
    from graders.sandbox.client import Connection

ATTEMPTS = Path(__file__).with_name("attempts.py")
PROBE = "_attempts"
LEVELS = {3: "locked", 2: "namespaced", 1: "limited", 0: "separate process"}


@dataclass(frozen=True)
class Isolation:
    """level: 3 locked, 1 limited (crashes, loops, memory), 0 a separate process only. `self_test`: what was tried."""

    level: int
    summary: str
    self_test: dict[str, str] = field(default_factory=dict)


def examine(connection: "Connection", layers: dict[str, Any]) -> Isolation:
    """Try in a worker what no submission may do. SandboxError if that worker cannot be asked."""
    with tempfile.TemporaryDirectory(prefix="cvaekit-canary-") as folder:
        canary = Path(folder) / "canary"
        canary.write_text("a submission that reads this could read the hidden checks\n")
        try:
            with connection.worker(ATTEMPTS.read_bytes(), ATTEMPTS.name) as worker:
                found: dict[str, str] = worker.ask(PROBE, canary=str(canary), grader=os.getpid())
        except SubmissionFailure as failure:
            raise SandboxError(f"the self-test did not run: {failure}") from failure
    level = _level(found)
    return Isolation(level, _summary(level, layers, found), found)


def _level(found: dict[str, str]) -> int:
    if found["memory"] != "limited":
        return 0
    return 3 if all(result == "denied" for name, result in found.items() if name != "memory") else 1


def _summary(level: int, layers: dict[str, Any], found: dict[str, str]) -> str:
    parts = [f"landlock={layers['landlock']} seccomp={layers['seccomp']} rlimits={','.join(layers['rlimits'])}"]
    for result in ("denied", "allowed"):
        names = [name for name, value in found.items() if value == result]
        parts += [f"{', '.join(names)} {result}"] if names else []
    return f"level {level} ({LEVELS[level]}): " + "; ".join(parts)
