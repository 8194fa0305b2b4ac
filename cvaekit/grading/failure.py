"""How a check says that a submission is wrong."""

from cvaekit.text import clean


class Failure(Exception):
    """A submission does not have a property it should have.

    `called` is the call as a student would write it, `got` what came back, `wanted` the property it should have had
    (never the expected number), `hint` the misconception behind it; without one the task's hint in the manifest serves.
    """

    def __init__(self, called: str, got: str, wanted: str, hint: str | None = None):
        super().__init__(f"{called}: {got}")
        self.called, self.got, self.wanted, self.hint = called, got, wanted, hint

    def text(self, hint: str) -> str:
        """Four lines, Called to Hint; `hint` is used where the failure has none of its own."""
        rows = (("Called", self.called), ("Got", self.got), ("Wanted", self.wanted), ("Hint", self.hint or hint))
        # One line each: what came back may hold line ends, and words that look like another row.
        return "\n".join(f"{name}: {' '.join(clean(row).split())}" for name, row in rows)


def with_hint(text: str, hint: str) -> str:
    """A Failure's text with another hint in place of its own."""
    return "\n".join(f"Hint: {hint}" if line.startswith("Hint: ") else line for line in text.splitlines())


def find(error: BaseException | None) -> Failure | None:
    """The Failure in `error`, also where hypothesis wraps it in a group because a submission answers at random."""
    if isinstance(error, Failure):
        return error
    if isinstance(error, BaseExceptionGroup):
        return next((failure for inner in error.exceptions if (failure := find(inner))), None)
    return None
