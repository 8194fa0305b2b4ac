"""Split the code of a notebook's cell into statements, and find the names that each binds, changes and uses."""

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import zip_longest

GAP = "???"  # a gap in the module's text; replaced by `...`, which is as long
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
EVERYTHING = "*"  # bound by `from module import *`
FUTURE = "__future__"
# The rest of a cell that starts with one of these is Python.
PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Statement:
    """A statement of a cell without indentation, with the comments above it. first: its first line, counted from 1.

    Global names: `binds` are assigned, defined or imported, `changes` have an attribute or item set,
    `calls` have a method called, `uses` are read, `imports` are imported. A statement that Python cannot read has an
    `error`, and binds the name that it seems to define.
    """

    lines: tuple[str, ...]
    first: int
    binds: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    only_defines: bool = False
    from_future: bool = False
    error: SyntaxError | None = None

    @property
    def stand_in(self) -> tuple[str, ...]:
        """Code that replaces a definition that cannot be read, and raises the error when it is called."""
        name = next(iter(self.binds), None)
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
    """Yield the statements of a cell. A cell that Python cannot read is split at every line without indentation."""
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
    """Replace the lines of a cell that only IPython understands by blank lines, which keeps line numbers.

    IPython's own translation is not used, since it takes minutes on some texts.
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
        compile(
            source, "cell", "exec", dont_inherit=True
        )  # finds errors that the parser does not, as a `return` outside a function
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
    binds = {symbol.get_name() for symbol in names if symbol.is_assigned() or symbol.is_imported()}
    while todo:
        scope = todo.pop()
        todo += scope.get_children()
        uses |= {symbol.get_name() for symbol in scope.get_symbols() if symbol.is_global()}
    imported = [node for node in tree.body if isinstance(node, ast.ImportFrom)]
    if any(alias.name == EVERYTHING for node in imported for alias in node.names):
        binds.add(EVERYTHING)
    return Statement(
        tuple(lines),
        first,
        frozenset(binds),
        frozenset(_changes(tree)),
        frozenset(_calls(tree)),
        frozenset(uses),
        frozenset(symbol.get_name() for symbol in names if symbol.is_imported()),
        all(isinstance(node, DEFINITIONS) for node in tree.body),
        any(node.module == FUTURE for node in imported),
    )


def _unreadable(lines: list[str], first: int, error: BaseException) -> Statement:
    """Return a statement that binds the name that the unreadable code seems to define."""
    shown = error if isinstance(error, SyntaxError) else SyntaxError("the code is nested too deeply")
    found = re.match(r"(?:def|class)\s+([A-Za-z_]\w*)", lines[0])
    return Statement(tuple(lines), first, binds=frozenset(found.groups() if found else ()), error=shown)


def _executed(tree: ast.AST) -> Iterator[ast.AST]:
    """Yield all nodes that run with the statement: not the bodies of its functions."""
    yield tree
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node
            for decorator in node.decorator_list:
                yield from _executed(decorator)
        elif not isinstance(node, ast.Lambda):
            yield from _executed(node)


def _changes(tree: ast.AST) -> Iterator[str]:
    """Yield each `Name` of `Name.method = f`, `Name[key] += 1`, `del Name.x`, `setattr(Name, ...)`, `@add_to(Name)`."""
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
    """Yield each `name` of a statement `name.append(x)`: a call whose result is not used may change the object."""
    for node in _executed(tree):
        call = node.value if isinstance(node, ast.Expr) else None
        if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute):
            yield _root(call.func)


def _root(node: ast.AST) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
