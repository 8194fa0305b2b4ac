"""Extract the solution from a notebook: the statements that an assignment's symbols need. Nothing is executed.

The statements are found by following names, from the symbols of the assignment to all that they use. Tests, training,
plots and scratch work are left out. Cell metadata and outputs are not read.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cvaekit.submission.cells import NotebookError, cells
from cvaekit.submission.statements import EVERYTHING, Statement, statements

MAX_CODE = 512 * 1024  # characters; the notebook as it is handed out has 15 kB
MAX_STATEMENTS = 5000  # reading one takes a tenth of a millisecond


@dataclass(frozen=True)
class Line:
    """A line of the solution as the student wrote it: its place in the notebook, and its text there."""

    where: str
    text: str


@dataclass
class Solution:
    """The text of a solution, and the notebook's line for each of its lines."""

    text: str = ""
    lines: list[Line] = field(default_factory=list)

    def add(self, text: str, line: Line) -> None:
        """Append one line."""
        self.text += text + "\n"
        self.lines.append(line)


@dataclass(frozen=True)
class _Part:
    """A statement and the first line of the cell that it stands in."""

    cell: str
    statement: Statement


def solution(content: bytes, symbols: Iterable[str], handed_out: bytes | None = None) -> Solution:
    """Return the statements of a notebook that `symbols` need, in the notebook's order. Raises NotebookError.

    Code that Python cannot read affects only the name that it defines: a definition that raises the SyntaxError takes
    its place. handed_out: the notebook as students received it. Of its cells that hold no part of a solution, such as
    tests and training, only imports and definitions are taken.
    """
    wanted = set(symbols)
    given = _given_cells(handed_out, wanted) if handed_out else set()
    code = [cell.source for cell in cells(content) if cell.kind == "code"]
    if (size := sum(map(len, code))) > MAX_CODE:
        raise NotebookError(f"holds {size / 1e6:.1f} MB of code; a submission has at most {MAX_CODE // 1024} kB")
    parts: list[_Part] = []
    for source in code:
        for statement in statements(source):
            if source not in given or statement.only_defines:
                parts.append(_Part(_first_line(source), statement))
            if len(parts) > MAX_STATEMENTS:
                raise NotebookError(f"holds more than {MAX_STATEMENTS} statements. Remove what is not needed")
    result = Solution()
    for part in sorted(_needed(parts, wanted), key=lambda part: not part.statement.from_future):
        _write(part, result)
    return result


def _given_cells(handed_out: bytes, symbols: set[str]) -> set[str]:
    """Return the code cells of the notebook as handed out that hold no part of a solution."""
    texts = [cell.source for cell in cells(handed_out) if cell.kind == "code"]
    parts = [_Part(text, statement) for text in texts for statement in statements(text)]
    return set(texts) - {part.cell for part in _needed(parts, symbols)}


def _needed(parts: list[_Part], symbols: set[str]) -> list[_Part]:
    """Return the parts that bind or change `symbols`, with the parts that bind or change the names that these use."""
    imported = {name for part in parts for name in part.statement.imports}
    makers: dict[str, list[int]] = {}  # name -> numbers of the parts that bind or change it
    for number, part in enumerate(parts):
        # A call on an object may change it (names.append(x)); a call on a module (plt.show()) does not.
        for name in part.statement.binds | part.statement.changes | part.statement.calls - imported:
            makers.setdefault(name, []).append(number)
    needed: set[int] = set()
    todo = [*symbols, EVERYTHING]
    while todo:
        for number in makers.pop(todo.pop(), ()):
            if number not in needed:
                needed.add(number)
                todo += parts[number].statement.uses
    return [part for number, part in enumerate(parts) if number in needed]


def _write(part: _Part, result: Solution) -> None:
    """Add a statement to the solution, followed by a blank line."""
    statement = part.statement
    where = [f"line {statement.first + number} of the cell `{part.cell}`" for number in range(len(statement.lines))]
    if statement.error is None:
        for text, place in zip(statement.lines, where, strict=True):
            result.add(text, Line(place, text))
    else:
        faulty = min(max(statement.error.lineno or 1, 1), len(statement.lines)) - 1
        for text in statement.stand_in:
            result.add(text, Line(where[faulty], statement.lines[faulty].strip()))
    result.add("", Line("", ""))


def _first_line(cell: str) -> str:
    return next((line.strip() for line in cell.splitlines() if line.strip()), "")[:60]
