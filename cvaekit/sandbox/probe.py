"""Helpers for probes, the functions of an assignment that run in the worker and call the submission."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

Result = TypeVar("Result")


class Unexpected(Exception):
    """Raised by a probe for a returned value that cannot be used. The grader gets WrongReturn(got)."""

    def __init__(self, got: str):
        self.got = got
        super().__init__(got)


class CallRaised(Exception):
    """Code of the submission raised `error` in `call`."""

    def __init__(self, error: BaseException):
        self.error = error
        super().__init__(str(error))


def call(function: Callable[..., Result], *arguments: Any, **named: Any) -> Result:
    """Call code of the submission, or code that computes with its values. An exception counts as the submission's.

    Any other exception that leaves a probe is a fault of the probe: the submission gets no mark, and loses none.
    """
    try:
        return function(*arguments, **named)
    except (CallRaised, Unexpected):
        raise
    except BaseException as error:
        raise CallRaised(error) from None


def describe(value: Any) -> str:
    """Say in words what kind of value this is: "None", "a tuple of 3", "a tensor of shape (3, 5)", "a float"."""
    if value is None:
        return "None"
    if value is Ellipsis:
        return "..."
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        return f"a tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list, dict, set, frozenset)):
        kind = next(kind for kind in (tuple, list, dict, set, frozenset) if isinstance(value, kind))
        return f"a {kind.__name__} of {len(value)}"
    if isinstance(value, type):
        return f"the class {value.__name__}"
    name = type(value).__name__
    return f"{'an' if name[:1].lower() in 'aeiou' else 'a'} {name}"


def number(value: Any) -> float:
    """Convert a number of Python, numpy or torch, or an array with one element, to float. Raises Unexpected."""
    if hasattr(value, "item") and len(getattr(value, "ravel", lambda: [0])()) == 1:
        value = value.item()
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise Unexpected(describe(value))
    return float(value)
