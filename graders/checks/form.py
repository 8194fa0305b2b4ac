"""Is an answer of the form that its probe gives? A worker's reply may be anything that the wire can carry."""

from typing import Any


def fits(value: Any, form: Any) -> bool:
    """Whether `value` has the `form`.

    A form is a type, None, `object` for anything, a tuple of alternatives, `[form]` for a list, `{str: form}` for a
    table with any names, or `{"name": form, ...}` for one with these names (a missing one counts as None).
    """
    if isinstance(form, dict):
        if not isinstance(value, dict):
            return False
        if str in form:
            return all(fits(item, form[str]) for item in value.values())
        return set(value) <= set(form) and all(fits(value.get(name), inner) for name, inner in form.items())
    if isinstance(form, list):
        return isinstance(value, list) and all(fits(item, form[0]) for item in value)
    if isinstance(form, tuple):
        return any(fits(value, alternative) for alternative in form)
    return value is None if form is None else isinstance(value, form) and (form is object or type(value) is not bool)
