"""Call a check with the examples that hypothesis draws for it, without hypothesis: drawing takes longer than asking."""

import copy
import inspect
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

Check = Callable[..., None]


@cache
def recorded_calls(check: Check) -> list[tuple[Check, dict[str, Any]]]:
    """The calls that one run of `check` consists of, arguments from fixtures left out: (function, drawn arguments).

    Hypothesis draws the same examples each time, so that they are drawn here once, with nothing asked.
    """
    if not hasattr(check, "hypothesis"):
        return [(check, {})]
    inner, fixtures, examples = check.hypothesis.inner_test, fixtures_of(check), []

    @wraps(inner)  # its source is what the examples depend on
    def recorder(**arguments: Any) -> None:
        examples.append((inner, {name: value for name, value in arguments.items() if name not in fixtures}))

    check.hypothesis.inner_test = recorder
    try:
        check(**dict.fromkeys(fixtures))
    finally:
        check.hypothesis.inner_test = inner
    return examples


def replay(check: Check, fixtures: dict[str, Any]) -> None:
    """Run `check` with its recorded examples; raises what it raises."""
    for function, drawn in recorded_calls(check):
        function(**fixtures, **copy.deepcopy(drawn))


def fixtures_of(check: Check) -> list[str]:
    """Names of the arguments that are neither drawn nor have a default."""
    parameters = inspect.signature(check).parameters.values()
    return [parameter.name for parameter in parameters if parameter.default is parameter.empty]
