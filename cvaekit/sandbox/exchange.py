"""A question that a submission was asked, with its answer."""

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Exchange:
    """A call of `probe` with its seed and arguments. `answer` is the returned value or the SubmissionFailure."""

    probe: str
    seed: int
    arguments: dict[str, Any]
    answer: Any
