"""Read a submission's text: what of it the tasks need, which gaps are still open, what it imports."""

import ast
import io
import re
import tokenize
from collections.abc import Mapping
from dataclasses import dataclass, field

from cvaekit.kit import Assignment
from cvaekit.manifest import Task
from cvaekit.student.gaps import definition, gaps_in, is_stub
from cvaekit.submission.intake import Submission
from cvaekit.submission.modules import needed
from cvaekit.submission.solution import Line, cut
from cvaekit.submission.stateless import is_stateless
from cvaekit.submission.statements import UNREADABLE, parse

# Parts of torch whose first use imports for seconds, or cannot import under lock-down; the sandbox loads them before.
SLOW_PARTS = ("optim", "use_deterministic_algorithms")


@dataclass(frozen=True)
class Source:
    """What the text alone tells.

    `code` is what the tasks need of the text, line by line, and runs in place of it; `open_gaps` maps a task id to the
    sentence that says what is still to do; `imports` are the packages that the code uses, and `optim` where it makes an
    optimizer.
    """

    text: str = ""
    code: str = ""
    fault: str | None = None
    open_gaps: dict[str, str] = field(default_factory=dict)
    imports: tuple[str, ...] = ()
    lines: tuple[Line, ...] = ()  # the notebook's lines behind those of the text
    modules: Mapping[str, str] = field(default_factory=dict)  # what is needed of other files, by the names of modules
    note: str = ""  # what the student should know of the file, and no task tells
    stateless: bool = False  # nothing of one call reaches another, so that one worker can answer for all tasks

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
        code = cut(text, assignment.symbols)
        if not code.strip():  # nothing that the tasks need: the text as a whole tells why
            parse(text)
            code = text
        texts = {name: text for name, content in submission.modules if (text := _text_of(content))}
        modules = needed(code, texts)
        if modules:  # a script is in no package, so that Python would refuse its `from .utils import join`
            code = re.sub(r"(?m)^(\s*from\s+)\.(?=\w)", r"\1", code)
        tree, others = parse(code), {name: parse(module) for name, module in modules.items()}
        gaps = _open_gaps(tree, assignment, Source(lines=submission.lines))
        for name, other in others.items():
            gaps = _open_gaps(other, assignment, Source(), f" of {name.replace('.', '/')}.py") | gaps
        imports = sorted(set().union(*map(_imports, [tree, *others.values()])))
        note, stateless = _note(text, submission), not modules and is_stateless(tree)
        return Source(text, code, None, gaps, tuple(imports), submission.lines, modules, note, stateless)
    except UNREADABLE as error:
        return Source(text, fault=_unreadable(text, filename, error))


def _text_of(content: bytes) -> str:
    """Return the text of another file of a submission; nothing where it is none."""
    try:
        return _decode(content).replace("\0", "")
    except (SyntaxError, LookupError, UnicodeError):
        return ""


def _decode(source: bytes) -> str:
    encoding, _ = tokenize.detect_encoding(io.BytesIO(source).readline)
    # Universal newlines, as Python itself reads a file.
    return io.TextIOWrapper(io.BytesIO(source), encoding).read()


def _note(text: str, submission: Submission) -> str:
    """Return what is wrong with a file of which parts can be read all the same."""
    try:
        parse(text)
    except UNREADABLE as error:
        return f"{_unreadable(text, submission.filename, error)} What can be read is graded."
    return ""


def _unreadable(text: str, filename: str, error: BaseException) -> str:
    if isinstance(error, SyntaxError) and error.lineno:
        shown = Source(text).line(error.lineno)[:100]
        return f"Python cannot read {filename}: {error.msg} (line {error.lineno}: `{shown}`)."
    return f"Python cannot read {filename}: {type(error).__name__}, the code is nested too deeply."


def _imports(tree: ast.Module) -> set[str]:
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
    return names


def _open_gaps(tree: ast.Module, assignment: Assignment, source: Source, file: str = "") -> dict[str, str]:
    gaps = {task.id: _gap(tree, task, source, file) for task in assignment.tasks if task.gaps}
    return {task_id: message for task_id, message in gaps.items() if message}


def _gap(tree: ast.Module, task: Task, source: Source, file: str) -> str | None:
    function = definition(tree, task.symbol)
    if function is None:
        return None
    if is_stub(function):
        return f"Not started: {task.symbol} has no body yet."
    for gap in gaps_in(function, task.gaps):
        if gap.open:
            where = f"{source.where(gap.lines[0])}{file}"
            return f"Not started: `{gap.name}` in {task.symbol} is still a placeholder ({where})."
    return None
