"""One question that was put to a submission, and what came back."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """A probe, its seed and arguments; `answer` is a value, or the SubmissionFailure in its place."""

    probe: str
    seed: int
    arguments: dict[str, Any]
    answer: Any
