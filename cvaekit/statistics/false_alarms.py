"""The false-alarm table of an assignment: how often each check that depends on random numbers fails a right submission.

The table is generated, and stored beside the checks as JSON. Reading and comparing it needs neither torch nor scipy.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from cvaekit.kit import Assignment


@dataclass(frozen=True)
class Row:
    """One check, or one of several statistical tests in a check."""

    check: str  # its id, as in the report
    test: str  # the statistical test in it; the check's own name where there is none
    bound: str  # the law from which alpha follows
    alpha: float  # the largest probability that a right submission fails
    runs: int  # simulated gradings of right submissions
    alarms: int  # runs in which the check failed
    fault: str  # a kind of fault that the check detects, in words
    size: float | None  # smallest size of that fault that is detected with probability 1 - 1e-6; None: any

    @property
    def smallest(self) -> str:
        """The fault in words, with the smallest size that is surely detected."""
        return self.fault if self.size is None else f"{self.fault}: {self.size:.2g}"


HEADINGS = ("check", "test", "bound", "alpha", "runs", "alarms", "surely catches")


@dataclass(frozen=True)
class Table:
    """All rows, and what they were computed from.

    command: generates the table; sources: the right submissions that were simulated; depends_on: digests of the files
    that the table depends on; trained: metrics of whole training runs, whose law is not known.
    """

    command: str
    torch: str
    sources: list[str]
    depends_on: dict[str, str]
    trained: list[tuple[float, float]]
    rows: list[Row]

    def cells(self) -> list[tuple[str, ...]]:
        """Return the rows as text, in the order of HEADINGS."""
        return [
            (r.check, r.test, r.bound, f"{r.alpha:.0e}" if r.alpha else "0", f"{r.runs:,}", f"{r.alarms}", r.smallest)
            for r in self.rows
        ]


def path(assignment: Assignment) -> Path:
    """Return the file of an assignment's table."""
    return assignment.folder / "false_alarms.json"


def load(assignment: Assignment) -> Table:
    """Read the table of one assignment. Raises OSError, ValueError or TypeError when there is none, or a bad one."""
    stored = json.loads(path(assignment).read_text(encoding="utf-8"))
    return Table(**(stored | {"rows": [Row(**row) for row in stored["rows"]]}))


def save(table: Table, assignment: Assignment) -> None:
    """Write the table, with numbers to four significant places: more would change with every version of torch."""
    rows = [replace(row, alpha=_short(row.alpha), size=row.size and _short(row.size)) for row in table.rows]
    path(assignment).write_text(
        json.dumps(asdict(replace(table, rows=rows)), indent=1) + "\n", encoding="utf-8", newline="\n"
    )


def _short(number: float) -> float:
    return float(f"{number:.4g}")


def digest(content: bytes) -> str:
    """Return a short hash of a text, whatever its line ends."""
    return hashlib.sha256(b"\n".join(content.splitlines())).hexdigest()[:16]


def differences(stored: Table, depends_on: dict[str, str], fresh: list[Row]) -> list[str]:
    """Return what is out of date in `stored`, one line each.

    Numbers are compared to three significant places, and `runs` not at all: both may differ between versions of torch.
    """
    names = sorted(depends_on | stored.depends_on)
    found = [f"{name} has changed" for name in names if depends_on.get(name) != stored.depends_on.get(name)]
    old, new = ({(row.check, row.test): row for row in rows} for rows in (stored.rows, fresh))
    for key in old | new:
        name = " ".join(key)
        if key not in old or key not in new:
            found.append(f"{name}: {'missing' if key not in old else 'of no check any more'}")
        elif (old[key].bound, old[key].fault) != (new[key].bound, new[key].fault):
            found.append(f"{name}: described in other words")
        elif not (_same(old[key].alpha, new[key].alpha) and _same(old[key].size, new[key].size)):
            found.append(f"{name}: another bound, or another smallest fault")
        elif old[key].alarms:
            found.append(f"{name}: {old[key].alarms} false alarms in {old[key].runs} runs")
    return found


def _same(first: float | None, second: float | None) -> bool:
    if first is None or second is None:
        return first is second
    return math.isclose(first, second, rel_tol=1e-3, abs_tol=1e-30)
