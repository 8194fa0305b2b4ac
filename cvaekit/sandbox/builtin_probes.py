"""Probes that every worker answers, whatever the assignment: `definitions`, and those of the self-test."""

from collections.abc import Callable
from typing import Any

from cvaekit.sandbox.importer import Unavailable
from cvaekit.sandbox.probe import call, describe


def definitions(module: Any, names: list[str]) -> dict[str, str]:
    """Map each dotted name of the submission to "class", "function", "missing", or a description of its value.

    "failed" is what its own statement left unbound: whoever uses it learns why.
    """
    found = {}
    for name in names:
        value: Any = module
        for part in name.split("."):
            if not isinstance(value, Unavailable):
                value = call(getattr, value, part, None)
        if isinstance(value, Unavailable):
            found[name] = "failed"
        elif value is None:
            found[name] = "missing"
        elif isinstance(value, type):
            found[name] = "class"
        else:
            found[name] = "function" if callable(value) else describe(value)
    return found


def escape_attempts(module: Any, canary: str, grader: int, rlimits: list[str]) -> Any:
    """Run `attempts` of escape_attempts.py, the self-test's submission."""
    return module.attempts(canary, grader, rlimits)


def endless_loop(module: Any) -> None:
    """Run `loop` of escape_attempts.py, which never returns."""
    module.loop()


BUILTIN: dict[str, Callable[..., Any]] = {
    "definitions": definitions,
    "_escape_attempts": escape_attempts,
    "_endless_loop": endless_loop,
}
