"""What can go wrong with a submission, kept apart from what can go wrong with us.

A SubmissionFailure is scored; a SandboxError never is. Every text in a failure was written by a submission or could
have been, so it is cleaned here, on the trusted side, whatever the worker sent.
"""

import re
from typing import Any, Literal

Where = Literal["import", "call"]

TEXT_LIMIT = 2_000
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]")
_ADDRESS = re.compile(r"0x[0-9a-fA-F]{6,16}")


def clean(text: str, limit: int = TEXT_LIMIT) -> str:
    """`text` without control characters and addresses (so that reports can be printed and repeated), capped."""
    text = _ADDRESS.sub("0x...", _CONTROL.sub("", text[: 2 * limit].replace("\r\n", "\n")))
    return text if len(text) <= limit else text[: limit - 3] + "..."


class SandboxError(Exception):
    """Our own failure: the zygote is gone, a fork or a layer of the lock-down failed. Never scored."""


class SubmissionFailure(Exception):
    """Something that the submission did instead of answering."""

    def __reduce__(self) -> Any:  # pickled by the grader's own forks; by default the text alone would be kept
        return _again, (type(self), self.args, self.__dict__)


def _again(kind: type[SubmissionFailure], arguments: tuple[Any, ...], state: dict[str, Any]) -> SubmissionFailure:
    failure = kind.__new__(kind, *arguments)
    failure.__dict__.update(state)
    return failure


class Raised(SubmissionFailure):
    """The submission raised. `line` is the deepest line of its own file, `type` the name of the exception."""

    def __init__(self, type: str, message: str, line: int | None, where: Where):
        self.type, self.message, self.line, self.where = clean(type, 100), clean(message), line, where
        super().__init__(f"{self.type}: {self.message}" if self.message else self.type)


class WrongReturn(SubmissionFailure):
    """What came back cannot be used at all; `got` describes it."""

    def __init__(self, got: str):
        self.got = clean(got, 200)
        super().__init__(f"returned {self.got}")


class TimedOut(SubmissionFailure):
    """No answer within `seconds`; the worker has been killed."""

    def __init__(self, seconds: float, where: Where):
        self.seconds, self.where = seconds, where
        super().__init__(f"no answer within {seconds:g} seconds ({where})")


class Died(SubmissionFailure):
    """The worker's process ended. `reason` is an exit code, a signal's name, or why it had to be killed."""

    def __init__(self, reason: str, where: Where):
        self.reason, self.where = reason, where
        super().__init__(f"{reason} ({where})")


class BadReply(SubmissionFailure):
    """A reply that breaks the protocol, or is too large. The worker has been killed."""

    def __init__(self, reason: str):
        self.reason = clean(reason, 200)
        super().__init__(self.reason)
