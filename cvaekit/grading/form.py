"""Check that an answer has the form that its probe promises: a reply may be anything that the wire can carry."""

import difflib
import importlib
from functools import cache
from inspect import isfunction
from typing import Any

from cvaekit.kit import Assignment, KitError


@cache
def forms(assignment: Assignment) -> dict[str, Any]:
    """The form of each probe's answer, from FORMS in the assignment's probes.py. Raises KitError."""
    where = f"graders/{assignment.name}/probes.py"
    try:
        module = importlib.import_module(f"graders.{assignment.name}.probes")
    except Exception as error:  # the code is an author's, and may raise anything
        raise KitError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
    found = getattr(module, "FORMS", None)
    if not isinstance(found, dict):
        raise KitError(f'{where}: FORMS is missing; write FORMS = {{"name of a probe": the form of its answer, ...}}')
    own = [name for name, value in vars(module).items() if isfunction(value) and value.__module__ == module.__name__]
    public = [name for name in own if not name.startswith("_")]
    for name in found:
        if not isfunction(getattr(module, name, None)):
            close = difflib.get_close_matches(name, public, 1)
            hint = f"did you mean {close[0]!r}?" if close else "define it, or import it."
            raise KitError(f"{where}: FORMS names {name!r}, and there is no such function; {hint}")
    if without := [name for name in public if name not in found]:
        raise KitError(f"{where}: the probe {without[0]} has no form; add it to FORMS, or start its name with _.")
    return {**found, "definitions": {str: str}}


def fits(value: Any, form: Any) -> bool:
    """Whether `value` has the `form`.

    A form is a type, None, `object` for anything, a tuple of alternatives, `[form]` for a list of any length,
    `[form, form]` for one of this length, `{str: form}` for a table with any names, or `{"name": form, ...}` for one
    with these names (a missing one counts as None).
    """
    if isinstance(form, dict):
        if not isinstance(value, dict):
            return False
        if str in form:
            return all(fits(item, form[str]) for item in value.values())
        return set(value) <= set(form) and all(fits(value.get(name), inner) for name, inner in form.items())
    if isinstance(form, list):
        if not isinstance(value, list) or (len(form) > 1 and len(value) != len(form)):
            return False
        return all(map(fits, value, form if len(form) > 1 else form * len(value)))
    if isinstance(form, tuple):
        return any(fits(value, alternative) for alternative in form)
    return value is None if form is None else isinstance(value, form) and (form is object or type(value) is not bool)
