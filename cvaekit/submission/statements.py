"""Take the code of a notebook's cell apart into statements, and see which names each makes, changes and uses."""

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

GAP = "???"  # how the module's text writes a gap; `...` is as long
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
EVERYTHING = "*"  # what `from module import *` makes
FUTURE = "__future__"
# The rest of a cell that starts with one of these is Python.
PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Statement:
    """A statement at the margin of a cell, with the comments above it, from line `first` (counted from 1) on.

    `makes` are the global names that it gives a value to, `changes` those whose objects it changes, `calls` those of
    which it calls a method, `uses` those that it reads, and `imports` those that it gets by importing. A statement that
    Python cannot read has an `error` and makes what it seems to define.
    """

    lines: tuple[str, ...]
    first: int
    makes: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    only_defines: bool = False
    from_future: bool = False
    error: SyntaxError | None = None

    @property
    def stand_in(self) -> tuple[str, ...]:
        """Code in the place of a definition that cannot be read: it raises the error when it is called."""
        name = next(iter(self.makes), None)
        if name is None or self.error is None:
            return ()
        if self.lines[0].startswith("class"):
            return (
                f"class {name}:",
                "    def __init__(self, *_, **__):",
                f"        raise SyntaxError({self.error.msg!r})",
            )
        return (f"def {name}(*_, **__):", f"    raise SyntaxError({self.error.msg!r})")


def statements(source: str) -> Iterator[Statement]:
    """The statements of a cell. Of a cell that Python cannot read, every part that begins at the margin by itself."""
    lines = _without_magic(source).split("\n")
    yield from _parts(lines, 1, whole=True)


def _parts(lines: list[str], first: int, *, whole: bool) -> Iterator[Statement]:
    try:
        nodes = _parse("\n".join(lines)).body
    except UNREADABLE as error:
        if not whole:
            yield _unreadable(lines, first, error)
            return
        begins = [number for number, line in enumerate(lines) if re.match(r"[^\s#)\]}]", line)]
        for begin, end in zip(begins, [*begins[1:], len(lines)], strict=True):
            yield from _parts(lines[begin:end], first + begin, whole=False)
        return
    begin = 0
    for node, following in zip_longest(nodes, nodes[1:]):
        end = node.end_lineno or node.lineno
        if following and following.lineno <= end:  # `a = 1; b = 2` stays together
            continue
        part = lines[begin:end]
        empty = next(number for number, line in enumerate(part) if line.strip())
        yield _read(part[empty:], first + begin + empty)
        begin = end


def _without_magic(source: str) -> str:
    """A cell without the lines that only IPython understands. Blank lines take their place, so line numbers hold.

    IPython's own translation is not asked: on a text made for it, it takes minutes.
    """
    source = source.replace("\r\n", "\n").replace("\r", "\n").replace(GAP, "...")
    if source.lstrip().startswith("%%"):
        if not source.lstrip().startswith(PYTHON_CELL_MAGICS):
            return ""
        source = re.sub(r"%%.*", "", source, count=1)
    try:
        _parse(source)
    except UNREADABLE:
        lines = source.split("\n")
        magic = [re.match(r"\s*([%!?]|[\w.]+\?{1,2}\s*$|[\w, ]+=\s*[%!])", line) for line in lines]
        for number, line in enumerate(lines):
            if magic[number]:
                lines[number] = ""
                if line.endswith("\\") and number + 1 < len(lines):
                    magic[number + 1] = magic[number]
        return "\n".join(lines)
    return source


def _parse(source: str) -> ast.Module:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(source, "cell", "exec", dont_inherit=True)  # finds more than the parser: a `return` at the margin
        return ast.parse(source)


def _read(lines: list[str], first: int) -> Statement:
    text = "\n".join(lines)
    tree = _parse(text)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = symtable.symtable(text, "cell", "exec")
    names = table.get_symbols()
    uses = {symbol.get_name() for symbol in names if symbol.is_referenced()}
    todo = table.get_children()
    makes = {symbol.get_name() for symbol in names if symbol.is_assigned() or symbol.is_imported()}
    while todo:
        scope = todo.pop()
        todo += scope.get_children()
        uses |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    if any(alias.name == EVERYTHING for node in imported for alias in node.names):
        makes.add(EVERYTHING)
    return Statement(
        tuple(lines),
        first,
        frozenset(makes),
        frozenset(_changes(tree)),
        frozenset(_calls(tree)),
        frozenset(uses),
        frozenset(symbol.get_name() for symbol in names if symbol.is_imported()),
        all(isinstance(node, DEFINITIONS) for node in tree.body),
        any(node.module == FUTURE for node in imported),
    )


def _unreadable(lines: list[str], first: int, error: BaseException) -> Statement:
    """What cannot be read makes what it seems to define."""
    told = error if isinstance(error, SyntaxError) else SyntaxError("the code is nested too deeply")
    found = re.match(r"(?:def|class)\s+([A-Za-z_]\w*)", lines[0])
    return Statement(tuple(lines), first, makes=frozenset(found.groups() if found else ()), error=told)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """All nodes that run when the statement does; the bodies of functions wait for their calls."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            for decorator in node.decorator_list:
                yield from _executed(decorator)
        elif not isinstance(node, ast.Lambda):
            yield from _executed(node)


def _changes(tree: ast.AST) -> Iterator[str]:
    """`Name.method = f`, `Name[key] += 1`, `del Name.x`, `setattr(Name, ...)`, `@add_to(Name)`."""
    for node in _executed(tree):
        if isinstance(node, ast.Attribute | ast.Subscript) and isinstance(node.ctx, ast.Store | ast.Del):
            yield _root(node)
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.args:
            if node.func.id in ("setattr", "delattr"):
                yield _root(node.args[0])
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            calls = [decorator for decorator in node.decorator_list if isinstance(decorator, ast.Call)]
            yield from (_root(argument) for call in calls for argument in call.args)


def _calls(tree: ast.AST) -> Iterator[str]:
    """`name.append(x)`: a call whose result is not used is there for what it does to `name`."""
    for node in _executed(tree):
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            yield _root(call.func)


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
