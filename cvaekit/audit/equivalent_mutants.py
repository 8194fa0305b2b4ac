"""What an assignment says of mutations: which compute the same, and what range values are promised to have."""

from typing import Self

from pydantic import Field, ValidationError, model_validator

from cvaekit.audit.mutation_kinds import KINDS
from cvaekit.audit.mutations import Mutation
from cvaekit.bank import BankError
from cvaekit.kit import Assignment, read_toml
from cvaekit.manifest import Table, Text, explained

FILE = "equivalent_mutants.toml"


class Equivalent(Table):
    """Mutations that no check can notice, or need not, and why: those that all given keys fit.

    symbol: the function or Class.method; kind: as the audit names it; old, new: the changed line before and after, or
    the changed part of it, as the audit writes them.
    """

    reason: Text
    symbol: str | None = None
    kind: str | None = None
    old: str | None = None
    new: str | None = None

    @model_validator(mode="after")
    def _says_enough(self) -> Self:
        if self.new is None and (self.symbol is None or self.kind is None):
            raise ValueError("an entry needs the key new, or symbol and kind")
        if self.kind not in (None, *KINDS):
            raise ValueError(f"no kind {self.kind!r}; kinds are {', '.join(KINDS)}")
        return self

    def fits(self, mutation: Mutation) -> bool:
        if self.symbol not in (None, mutation.symbol) or self.kind not in (None, mutation.kind):
            return False
        changes = (mutation.lines, mutation.parts)
        return any(self.old in (None, old) and self.new in (None, new) for old, new in changes)


class Known(Table):
    """All of the file. range: expression -> the smallest and the largest value that students are promised."""

    range: dict[str, tuple[float, float]] = Field(default_factory=dict)
    equivalent: tuple[Equivalent, ...] = ()

    def leaves_out(self, mutation: Mutation) -> bool:
        return any(entry.fits(mutation) for entry in self.equivalent)


def load(assignment: Assignment) -> Known:
    """What the file of an assignment says, if it has one. Raises BankError."""
    path = assignment.folder / FILE
    try:
        return Known.model_validate(read_toml(path) if path.exists() else {})
    except ValidationError as error:
        raise BankError("\n".join(f"{FILE}: {line}" for line in explained(error, Known))) from None
