"""Split code, a file's or a notebook cell's, into statements, and find the names that each binds, changes and uses."""

import ast
import re
import symtable
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import zip_longest

GAP = "???"  # a gap in the module's text; replaced by `...`, which is as long
UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
EVERYTHING = "*"  # bound by `from module import *`
FUTURE = "__future__"
# The rest of a cell that starts with one of these is Python.
PYTHON_CELL_MAGICS = ("%%time", "%%timeit", "%%capture", "%%prun")
LOOPS = (ast.For, ast.While, ast.With, ast.Try, ast.If)  # and what may stand around one
CONTINUED = r"(?:else|elif|except|finally|case)\b"  # lines that go on with the statement above
DEFINITION = re.compile(
    r"(?P<indentation>[ \t]*)(?:@.*\n\s*)*(?P<kind>(?:async\s+)?def|class)\s+(?P<name>[A-Za-z_]\w*)"
)
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.Import, ast.ImportFrom)


@dataclass(frozen=True)
class Statement:
    """A statement without indentation, with the comments above it. first: its first line, counted from 1.

    Global names: `binds` are assigned, defined or imported, `changes` have an attribute or item set,
    `calls` have a method called, `uses` are read, `imports` are imported. trains: it is a loop that takes gradients.

    lines: as the student wrote them; code: as many lines to run. Where Python cannot read a definition, its code raises
    the error when it is called; of a class this concerns the methods that cannot be read.
    """

    lines: tuple[str, ...]
    first: int
    code: tuple[str, ...] = ()
    binds: frozenset[str] = frozenset()
    changes: frozenset[str] = frozenset()
    calls: frozenset[str] = frozenset()
    uses: frozenset[str] = frozenset()
    imports: frozenset[str] = frozenset()
    only_defines: bool = False
    from_future: bool = False
    trains: bool = False


def statements(source: str) -> Iterator[Statement]:
    """Yield the statements of a text. One that Python cannot read is split at every line without indentation."""
    lines = _without_magic(source).split("\n")
    yield from _parts(lines, 1, whole=True)


def _parts(lines: list[str], first: int, *, whole: bool) -> Iterator[Statement]:
    try:
        nodes = _parse("\n".join(lines)).body
    except UNREADABLE as error:
        if whole:
            for begin, end in _pieces(lines, ""):
                yield from _parts(lines[begin:end], first + begin, whole=False)
        elif name := DEFINITION.match("\n".join(lines)):
            code = _repaired(lines) or _stand_in(lines, error)
            yield replace(_read(code, first), lines=tuple(lines), binds=frozenset({name["name"]}))
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
        magic = [re.match(r"[%!?]|[\w.]+\?{1,2}$|[\w, ]+=\s*[%!]", line.strip()) for line in lines]
        for number, line in enumerate(lines):
            if magic[number]:
                lines[number] = ""
                if line.endswith("\\") and number + 1 < len(lines):
                    magic[number + 1] = magic[number]
        return "\n".join(lines)
    return source


def parse(text: str) -> ast.Module:
    """Return the syntax tree of a text. Raises one of UNREADABLE."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an invalid escape in a student's string is no concern of the grader's
        return ast.parse(text)


def _parse(source: str) -> ast.Module:
    """Parse a text and compile it, which finds errors that the parser does not, as a `return` outside a function."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        compile(source, "cell", "exec", dont_inherit=True)
    return parse(source)


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
        tuple(lines),
        frozenset(binds),
        frozenset(_changes(tree)),
        frozenset(_calls(tree)),
        frozenset(uses),
        frozenset(symbol.get_name() for symbol in names if symbol.is_imported()),
        all(isinstance(node, DEFINITIONS) for node in tree.body),
        any(node.module == FUTURE for node in imported),
        any(isinstance(node, LOOPS) and _takes_gradients(node) for node in tree.body),
    )


def _takes_gradients(tree: ast.AST) -> bool:
    calls = (node.func for node in _executed(tree) if isinstance(node, ast.Call))
    return any(isinstance(function, ast.Attribute) and function.attr == "backward" for function in calls)


def _pieces(lines: list[str], indentation: str) -> Iterator[tuple[int, int]]:
    """Yield begin and end of each piece of a text that seems to be one statement, by the indentation of its lines."""
    begins: list[int] = []
    for number, line in enumerate(lines):
        after_decorator = begins and lines[begins[-1]].startswith(f"{indentation}@") and begins[-1] == number - 1
        if re.match(rf"{indentation}(?!{CONTINUED})[^\s#)\]}}]", line) and not after_decorator:
            begins.append(number)
    yield from zip(begins, [*begins[1:], len(lines)], strict=True)


def _repaired(lines: list[str]) -> list[str]:
    """Return the code of a class in which each method that cannot be read raises the error; [] where that fails."""
    header = next((number for number, line in enumerate(lines) if line.startswith("class")), len(lines))
    body = next((line for line in lines[header + 1 :] if line.strip()), "")
    indentation = body[: len(body) - len(body.lstrip())]
    if not indentation:
        return []
    code = list(lines)
    for begin, end in _pieces(lines, indentation):
        member = lines[begin:end]
        try:
            _parse("\n".join(["class _:", *member]))
        except UNREADABLE as error:
            code[begin:end] = _stand_in(member, error, shift=1)
    try:
        _parse("\n".join(code))
    except UNREADABLE:
        return []
    return code


def _stand_in(lines: list[str], error: BaseException, shift: int = 0) -> list[str]:
    """Return as many lines, empty but for a definition that raises `error` when it is called, in the faulty line."""
    text = error.msg if isinstance(error, SyntaxError) else "the code is nested too deeply"
    faulty = (getattr(error, "lineno", None) or 1) - 1 - shift
    code = [""] * len(lines)
    if found := DEFINITION.match("\n".join(lines)):
        kind = "class {}: __init__ = lambda *_, **__: (_ for _ in ()).throw(SyntaxError({!r}))"
        if found["kind"] != "class":
            kind = "def {}(*_, **__): raise SyntaxError({!r})"
        code[min(max(faulty, 0), len(lines) - 1)] = found["indentation"] + kind.format(found["name"], text)
    return code


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
