"""Cut out of a notebook or a file the statements that an assignment's symbols need. Nothing is executed.

The statements are found by following names, from the symbols of the assignment to all that they use. Tests, training,
plots, downloads and scratch work are left out. Cell metadata and outputs are not read.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice

from cvaekit.submission.cells import NotebookError, cells
from cvaekit.submission.statements import EVERYTHING, Statement, statements

MAX_CODE = 512 * 1024  # characters; the notebook as it is handed out has 15 kB
MAX_STATEMENTS = 5000  # reading one takes a tenth of a millisecond


@dataclass(frozen=True)
class Line:
    """A line of a notebook's solution as the student wrote it: its place in the notebook, and its text there."""

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


def cut(text: str, symbols: Iterable[str]) -> str:
    """Return the text of a file with all lines empty that `symbols` do not need, so that lines keep their numbers.

    Code that Python cannot read is treated as in a notebook.
    """
    lines = [""] * (text.count("\n") + 1)
    parts = [_Part("", statement) for statement in islice(statements(text), MAX_STATEMENTS)]
    for part in _needed(parts, symbols):
        statement = part.statement
        lines[statement.first - 1 : statement.first - 1 + len(statement.code)] = statement.code
    return "\n".join(lines)


def _given_cells(handed_out: bytes, symbols: set[str]) -> set[str]:
    """Return the code cells of the notebook as handed out that hold no part of a solution."""
    texts = [cell.source for cell in cells(handed_out) if cell.kind == "code"]
    parts = [_Part(text, statement) for text in texts for statement in statements(text)]
    return set(texts) - {part.cell for part in _needed(parts, symbols)}


def _needed(parts: list[_Part], symbols: Iterable[str]) -> list[_Part]:
    """Return the parts that bind or change `symbols`, with the parts that bind or change the names that these use."""
    imported = {name for part in parts for name in part.statement.imports}
    bound = {name for part in parts if not part.statement.trains for name in part.statement.binds}
    makers: dict[str, list[int]] = {}  # name -> numbers of the parts that bind or change it
    for number, part in enumerate(parts):
        statement = part.statement
        # A call on an object may change it (names.append(x)); a call on a module (plt.show()) does not. A training loop
        # that gives a new value to a name, as to a counter of epochs, is not run for that.
        binds = statement.binds - bound if statement.trains else statement.binds
        for name in binds | statement.changes | statement.calls - imported:
            makers.setdefault(name, []).append(number)
    found = {number for number, part in enumerate(parts) if part.statement.from_future}
    todo = [*symbols, EVERYTHING]
    while todo:
        for number in makers.pop(todo.pop(), ()):
            if number not in found:
                found.add(number)
                todo += parts[number].statement.uses
    return [part for number, part in enumerate(parts) if number in found]


def _write(part: _Part, result: Solution) -> None:
    """Add a statement to the solution, followed by a blank line."""
    statement = part.statement
    where = [f"line {statement.first + number} of the cell `{part.cell}`" for number in range(len(statement.lines))]
    for code, text, place in zip(statement.code, statement.lines, where, strict=True):
        result.add(code, Line(place, text))
    result.add("", Line("", ""))


def _first_line(cell: str) -> str:
    return next((line.strip() for line in cell.splitlines() if line.strip()), "")[:60]
