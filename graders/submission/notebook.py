"""Read a notebook as text: its cells, and the statements in them that make up the solution. Nothing is executed.

Neither cell metadata nor outputs are trusted or needed: what belongs to the solution is found by following names, from
the symbols that an assignment asks for to everything they use. Tests, training, drawings and scratch work fall away.
"""

import ast
import json
import re
import symtable
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

MAX_NOTEBOOK_BYTES = 20 * 1024 * 1024  # pictures in outputs count
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
EVERYTHING = "*"  # what `from module import *` makes
# The rest of a cell that starts with one of these is Python.
PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")


class NotebookError(Exception):
    """A file that is no notebook; the text says so to the student, as the end of a sentence."""


@dataclass(frozen=True)
class Cell:
    """One cell as it stands in the file. `names` are what it may be known by: its grade id, then its cell id."""

    kind: str
    source: str
    names: tuple[str, ...] = ()


def cells(content: bytes) -> list[Cell]:
    """The cells of a notebook in format 4, whatever else may be wrong with it; NotebookError for any other file."""
    try:
        notebook = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise NotebookError("is not a notebook (it is not JSON). Save it again with Jupyter") from error
    found = notebook.get("cells") if isinstance(notebook, dict) else None
    if not isinstance(found, list):
        raise NotebookError("is not a notebook in format 4 (it has no cells). Save it again with Jupyter")
    return [_cell(entry) for entry in found if isinstance(entry, dict)]


def _cell(entry: dict[str, Any]) -> Cell:
    source = entry.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    metadata = entry.get("metadata")
    nbgrader = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = nbgrader.get("grade_id") if isinstance(nbgrader, dict) else None
    names = tuple(name for name in (grade_id, entry.get("id")) if isinstance(name, str))
    kind = entry.get("cell_type")
    return Cell(kind if isinstance(kind, str) else "raw", source if isinstance(source, str) else "", names)


def solution(content: bytes, symbols: Iterable[str], methods: Iterable[str] = ()) -> str:
    """The text of a notebook's solution: every statement that `symbols` need, in the notebook's order.

    A cell that Python cannot read is kept whole if it seems to define one of `symbols` or `methods`, so that whoever
    reads the text meets the error; otherwise it is left out. Raises NotebookError.
    """
    pieces: list[tuple[str, _Bound | None]] = []
    for cell in cells(content):
        if cell.kind != "code":
            continue
        source = _plain(cell.source)
        try:
            pieces += list(_statements(source))
        except UNREADABLE:
            pieces.append((source, None))
    wanted = _closure({*symbols, EVERYTHING}, [bound for _, bound in pieces if bound])
    named = wanted | set(methods)
    kept = [text for text, bound in pieces if (bound.makes & wanted if bound else _mentions(text, named))]
    return "\n\n".join(kept) + "\n" if kept else ""


@dataclass(frozen=True)
class _Bound:
    """The global names that a statement gives a value to (or changes), and those that it uses."""

    makes: frozenset[str]
    uses: frozenset[str]


def _closure(names: set[str], statements: list[_Bound]) -> set[str]:
    """`names`, every name that the statements behind them use, and theirs, and so on."""
    wanted, before = set(names), -1
    while before != len(wanted):
        before = len(wanted)
        for statement in statements:
            if statement.makes & wanted:
                wanted |= statement.uses
    return wanted


def _plain(source: str) -> str:
    """A cell without the lines that only IPython understands. Blank lines take their place, so line numbers hold."""
    source = source.replace("\r\n", "\n").replace("\r", "\n")
    if source.lstrip().startswith("%%") and not source.lstrip().startswith(PYTHON_CELL_MAGICS):
        return ""
    if _parses(source):
        return source
    lines = ["" if re.match(r"\s*([%!?]|[\w.]+\?{1,2}\s*$)", line) else line for line in source.split("\n")]
    return "\n".join(lines)


def _parses(source: str) -> bool:
    try:
        _parse(source)
    except UNREADABLE:
        return False
    return True


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(source.replace("???", "..."))  # the gap mark is as long as what it stands for


def _statements(source: str) -> Iterator[tuple[str, _Bound]]:
    """Each top-level statement's text, with the comments above it, and the global names that it makes and uses."""
    lines = source.split("\n")
    begin, nodes = 0, _parse(source).body
    for node, following in zip(nodes, [*nodes[1:], None], strict=True):
        end = node.end_lineno or node.lineno
        if following and following.lineno <= end:  # `a = 1; b = 2` stays together
            continue
        text = "\n".join(lines[begin:end]).strip("\n")
        begin = end
        yield text, _bound(text)


def _bound(text: str) -> _Bound:
    tree = _parse(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(text.replace("???", "..."), "cell", "exec")
    makes = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_assigned() or symbol.is_imported()}
    uses = {symbol.get_name() for symbol in table.get_symbols() if symbol.is_referenced()}
    todo = table.get_children()
    while todo:
        scope = todo.pop()
        todo += scope.get_children()
        uses |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    return _Bound(frozenset(makes | _changes(tree)), frozenset(uses))


def _changes(tree: ast.Module) -> set[str]:
    """Names whose objects a statement changes: `Name.method = f`, `setattr(Name, ...)`, `@add_to(Name)`."""
    changed: set[str] = set()
    for node in tree.body:
        if isinstance(node, ast.Assign):
            changed |= {_root(target) for target in node.targets if isinstance(target, ast.Attribute)}
        elif isinstance(node, ast.Expr) and isinstance(node.value, ast.Call) and node.value.args:
            if isinstance(node.value.func, ast.Name) and node.value.func.id == "setattr":
                changed.add(_root(node.value.args[0]))
        elif isinstance(node, ast.FunctionDef):
            calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
            changed |= {_root(argument) for call in calls for argument in call.args}
        elif isinstance(node, ast.ImportFrom) and any(alias.name == EVERYTHING for alias in node.names):
            changed.add(EVERYTHING)
    return changed


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""


def _mentions(text: str, names: set[str]) -> bool:
    return any(re.search(rf"^\s*(class|def)\s+{re.escape(name)}\b", text, re.MULTILINE) for name in names)
