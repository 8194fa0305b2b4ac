"""Read a submission's text: whether it parses, which gaps are still open, what it imports."""

import ast
import io
import tokenize
import warnings
from dataclasses import dataclass, field

from cvaekit.kit import Assignment
from cvaekit.manifest import Task
from cvaekit.student.gaps import definition, gaps_in, is_stub
from cvaekit.submission.intake import Submission
from cvaekit.submission.solution import Line
from cvaekit.submission.statements import GAP

# Parts of torch whose first use imports for seconds, or cannot import under lock-down; the sandbox loads them before.
SLOW_PARTS = ("optim", "use_deterministic_algorithms")


@dataclass(frozen=True)
class Source:
    """What the text alone tells.

    `open_gaps` maps a task id to the sentence that says what is still to do; `imports` are the packages that the text
    uses, and `optim` where it makes an optimizer.
    """

    text: str = ""
    fault: str | None = None
    open_gaps: dict[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()  # the notebook's lines behind those of the text

    def where(self, number: int) -> str:
        """Line `number` (from 1) as students know it, which in a notebook is a line of a cell."""
        return self.lines[number - 1].where if 0 < number <= len(self.lines) else f"line {number}"

    def line(self, number: int | None) -> str:
        """Line `number` (from 1), stripped; empty when there is no such line."""
        if number and 0 < number <= len(self.lines):
            return self.lines[number - 1].text.strip()
        lines = self.text.split("\n")  # splitlines would also split where Python does not
        return lines[number - 1].strip() if number and 0 < number <= len(lines) else ""


def read(submission: Submission, assignment: Assignment) -> Source:
    """Decode and parse `submission`. Never raises for anything that a file may contain."""
    filename = submission.filename
    if submission.fault:
        return Source(fault=submission.fault)
    if b"\0" in submission.source:
        return Source(
            fault=f"{filename} contains NUL bytes. It is not Python text; was it saved in another format (UTF-16)?"
        )
    try:
        text = _decode(submission.source)
    except (SyntaxError, LookupError):
        problem = "is not UTF-8 text, and declares no other encoding that Python knows"
        return Source(fault=f"{filename} {problem}. Save it with the encoding UTF-8.")
    except UnicodeError as error:
        where = submission.source[: error.start].count(b"\n") + 1 if isinstance(error, UnicodeDecodeError) else 1
        return Source(fault=f"{filename} is not UTF-8 text (line {where}). Save it with the encoding UTF-8.")
    if not text.strip():
        return Source(
            text,
            fault=f"{filename} is empty.",
            open_gaps={task.id: f"Not started: {filename} is empty." for task in assignment.tasks},
        )
    try:
        tree = _parse(text)
        gaps = _open_gaps(tree, assignment, Source(lines=submission.lines))
        return Source(text, None, gaps, _imports(tree), submission.lines)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        return _unparsable(text, filename, error, assignment)


def _decode(source: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    # Universal newlines, as Python itself reads a file.
    return io.TextIOWrapper(io.BytesIO(source), encoding).read()


def _parse(text: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a student's string is no concern of the grader's
        return ast.parse(text)


def _unparsable(text: str, filename: str, error: Exception, assignment: Assignment) -> Source:
    marks = [number for number, line in enumerate(text.splitlines(), 1) if GAP in line.split("#")[0]]
    if marks:
        try:
            gaps = _open_gaps(_parse(text.replace(GAP, "...")), assignment, Source())
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            gaps = {}
        many = "s" if len(marks) > 1 else ""
        fault = (
            f"Line{many} {', '.join(map(str, marks[:8]))} of {filename} still hold{'' if many else 's'} "
            f"the gap mark {GAP}. "
            "It stands for work to do and is not Python, so the whole file cannot be read. "
            "Replace it, or write ... there to leave that task open."
        )
        return Source(text, fault, gaps)
    if isinstance(error, SyntaxError) and error.lineno:
        shown = Source(text).line(error.lineno)[:100]
        fault = f"Python cannot read {filename}: {error.msg} (line {error.lineno}: `{shown}`)."
    else:
        fault = f"Python cannot read {filename}: {type(error).__name__}, the code is nested too deeply."
    return Source(text, fault)


def _imports(tree: ast.Module) -> tuple[str, ...]:
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names.update(alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names.add(node.module.split(".")[0])
        if isinstance(node, ast.Attribute) and node.attr in SLOW_PARTS:
            names.add(node.attr)
        if isinstance(node, ast.ImportFrom) and node.module == "torch.optim":
            names.add("optim")
        if isinstance(node, ast.ImportFrom | ast.Import) and any("optim" in alias.name for alias in node.names):
            names.add("optim")
    return tuple(sorted(names))


def _open_gaps(tree: ast.Module, assignment: Assignment, source: Source) -> dict[str, str]:
    gaps = {task.id: _gap(tree, task, source) for task in assignment.tasks if task.gaps}
    return {task_id: message for task_id, message in gaps.items() if message}


def _gap(tree: ast.Module, task: Task, source: Source) -> str | None:
    function = definition(tree, task.symbol)
    if function is None:
        return None
    if is_stub(function):
        return f"Not started: {task.symbol} has no body yet."
    for gap in gaps_in(function, task.gaps):
        if gap.open:
            return f"Not started: `{gap.name}` in {task.symbol} is still a placeholder ({source.where(gap.lines[0])})."
    return None
