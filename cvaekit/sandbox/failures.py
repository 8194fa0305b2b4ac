"""Exceptions for failures of a submission, which are scored, and for failures of the grader, which never are.

A text in a SubmissionFailure may have been written by the submission, so it is cleaned here, in the grader's process.
"""

from typing import Any, Literal

from cvaekit.text import clean, without_addresses

Where = Literal["import", "call"]  # whether a failure came at the import of the submission or in a probe
Did = Literal["computed", "waited"]  # what a worker did until its deadline

TEXT_LIMIT = 2_000  # characters


class SandboxError(Exception):
    """A failure of the grader: the zygote is gone, or a fork or a layer of the lock-down failed. Never scored."""


class ProbeError(SandboxError):
    """A probe raised an exception that no code of the submission caused. `trace` is its traceback."""

    def __init__(self, message: str, trace: str):
        self.trace = clean(trace)
        super().__init__(clean(message, TEXT_LIMIT))


class SubmissionFailure(Exception):
    """The submission did something else than answer. Base class of all failures that are scored."""

    def __reduce__(self) -> Any:  # pickled between processes of the grader; by default the text alone would be kept
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[SubmissionFailure], arguments: tuple[Any, ...], state: dict[str, Any]) -> SubmissionFailure:
    failure = kind.__new__(kind, *arguments)
    failure.__dict__.update(state)
    return failure


class Raised(SubmissionFailure):
    """The submission raised an exception. `type` is its name, `line` the deepest line of the submission's own file."""

    def __init__(self, type: str, message: str, line: int | None, where: Where):
        self.type, self.message = clean(type, 100), without_addresses(clean(message, TEXT_LIMIT))
        self.line, self.where = line, where
        super().__init__(f"{self.type}: {self.message}" if self.message else self.type)


class WrongReturn(SubmissionFailure):
    """The submission returned something that cannot be used. `got` describes it."""

    def __init__(self, got: str):
        self.got = without_addresses(clean(got, 200))
        super().__init__(f"returned {self.got}")


class TimedOut(SubmissionFailure):
    """The submission computed, or waited, for `seconds` without an answer. The worker has been killed."""

    def __init__(self, seconds: float, where: Where, did: Did = "computed"):
        self.seconds, self.where, self.did = seconds, where, did
        super().__init__(f"{did} for {seconds:g} seconds without an answer ({where})")


class Died(SubmissionFailure):
    """The worker's process ended. `reason` is an exit code, a signal's name, or the limit for which it was killed."""

    def __init__(self, reason: str, where: Where):
        self.reason, self.where = reason, where
        super().__init__(f"{reason} ({where})")


class BadReply(SubmissionFailure):
    """The reply breaks the protocol, or is too large. The worker has been killed."""

    def __init__(self, reason: str):
        self.reason = without_addresses(clean(reason, 200))
        super().__init__(self.reason)
