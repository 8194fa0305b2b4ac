"""What can go wrong with a submission, kept apart from what can go wrong with us.

A SubmissionFailure is scored; a SandboxError never is. Every text in a failure was written by a submission or could
have been, so it is cleaned here, on the trusted side, whatever the worker sent.
"""

from typing import Any, Literal

from cvaekit.text import clean, without_addresses

Where = Literal["import", "call"]

TEXT_LIMIT = 2_000


class SandboxError(Exception):
    """Our own failure: the zygote is gone, a fork or a layer of the lock-down failed. Never scored."""


class ProbeError(SandboxError):
    """A probe raised an exception of its own. `trace` is for the author of the assignment."""

    def __init__(self, message: str, trace: str):
        self.trace = clean(trace)
        super().__init__(clean(message, TEXT_LIMIT))


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
        self.type, self.message = clean(type, 100), without_addresses(clean(message, TEXT_LIMIT))
        self.line, self.where = line, where
        super().__init__(f"{self.type}: {self.message}" if self.message else self.type)


class WrongReturn(SubmissionFailure):
    """What came back cannot be used at all; `got` describes it."""

    def __init__(self, got: str):
        self.got = without_addresses(clean(got, 200))
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
        self.reason = without_addresses(clean(reason, 200))
        super().__init__(self.reason)
