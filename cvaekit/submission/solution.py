"""The solution in a notebook: the statements of its cells that an assignment's symbols need. Nothing is executed.

Neither cell metadata nor outputs are trusted or needed: what belongs to the solution is found by following names, from
the symbols that an assignment asks for to everything they use. Tests, training, drawings and scratch work fall away.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from cvaekit.submission.cells import NotebookError, cells
from cvaekit.submission.statements import EVERYTHING, Statement, statements

MAX_CODE = 512 * 1024  # characters; the notebook as it is handed out has 15 kB
MAX_STATEMENTS = 5000  # reading one takes a tenth of a millisecond


@dataclass(frozen=True)
class Line:
    """A line of the solution as students know it: where it stands in the notebook, and its text there."""

    where: str
    text: str


@dataclass
class Solution:
    """The text of a solution, and the notebook's line behind each of its lines."""

    text: str = ""
    lines: list[Line] = field(default_factory=list)

    def add(self, text: str, line: Line) -> None:
        self.text += text + "\n"
        self.lines.append(line)


@dataclass(frozen=True)
class _Part:
    """A statement and the first line of the cell that it stands in."""

    cell: str
    statement: Statement


def solution(content: bytes, symbols: Iterable[str], handed_out: bytes | None = None) -> Solution:
    """The statements of a notebook that `symbols` need, in the notebook's order. Raises NotebookError.

    What Python cannot read costs only what it defines: a definition that raises the SyntaxError takes its place.
    `handed_out` is the notebook as students received it. Of the cells in it that are no part of the solution there,
    only imports and definitions count, whoever uses a name of theirs: its tests and its training are not to be run.
    """
    own = set(symbols)
    furniture = _furniture(handed_out, own) if handed_out else set()
    code = [cell.source for cell in cells(content) if cell.kind == "code"]
    if (size := sum(map(len, code))) > MAX_CODE:
        raise NotebookError(f"holds {size / 1e6:.1f} MB of code; a submission has at most {MAX_CODE // 1024} kB")
    parts: list[_Part] = []
    for source in code:
        for statement in statements(source):
            if source not in furniture or statement.only_defines:
                parts.append(_Part(_first_line(source), statement))
            if len(parts) > MAX_STATEMENTS:
                raise NotebookError(f"holds more than {MAX_STATEMENTS} statements. Remove what is not needed")
    result = Solution()
    for part in sorted(_needed(parts, own), key=lambda part: not part.statement.from_future):
        _write(part, result)
    return result


def _furniture(handed_out: bytes, symbols: set[str]) -> set[str]:
    """The code cells of the notebook as it was handed out that hold nothing of a solution."""
    texts = [cell.source for cell in cells(handed_out) if cell.kind == "code"]
    parts = [_Part(text, statement) for text in texts for statement in statements(text)]
    return set(texts) - {part.cell for part in _needed(parts, symbols)}


def _needed(parts: list[_Part], symbols: set[str]) -> list[_Part]:
    """The parts that give `symbols` their value, or change it, and those that these use, and so on."""
    imported = {name for part in parts for name in part.statement.imports}
    makers: dict[str, list[int]] = {}
    for number, part in enumerate(parts):
        # A module's functions are called for what they do elsewhere (plt.show()); a list's change the list.
        for name in part.statement.makes | part.statement.changes | part.statement.calls - imported:
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
