"""Single mutations of right code, as changes of its syntax tree, which checks should notice.

`mutations` lists all of a file; which of them to try, and what became of them, is for `mutants` to say.
"""

import ast
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from cvaekit.audit.mutation_kinds import KINDS
from cvaekit.audit.mutation_scope import Function, Place, Ranges, is_text, scope_of, short, with_fields, words

ASIDE = words("print warn warning info debug init")  # calls for people to read; values that weights start from
INSIDE = ("body", "orelse", "finalbody", "handlers", "cases", "decorator_list")
IMPLICIT = ("forward",)  # methods that are called by another name
# Where only the shape, the type or the place of a value matters: before these, and as the first argument of these.
SHAPE_OF = words("shape device dtype size ndim dim numel new_zeros new_ones new_empty new_full")
LIKE = words("len zeros_like ones_like empty_like full_like rand_like randn_like view_as type_as to")


@dataclass(frozen=True)
class Mutation:
    """One change. kind: what is done, in words; symbol: the function, Class.method or global name whose code it is."""

    kind: str
    symbol: str
    statement: ast.stmt
    place: Place
    replacement: Any

    @contextmanager
    def applied(self) -> Iterator[None]:
        """Have the change in the tree."""
        before = self.place.node
        self.place.put(self.replacement)
        try:
            yield
        finally:
            self.place.put(before)

    @property
    def lines(self) -> tuple[str, str]:
        """The code of the statement before and after."""
        old = head(self.statement)
        if self.place.node is self.statement:
            return old, head(self.replacement)
        with self.applied():
            return old, head(self.statement)

    @property
    def parts(self) -> tuple[str, str]:
        """The code of what gives way, and of what takes its place."""
        return head(self.place.node), head(self.replacement)


def head(node: ast.AST) -> str:
    """The code of a node; of a statement with others inside, its first line, without decorators."""
    if isinstance(node, ast.If) and isinstance(node.test, ast.Constant):  # statements in turn
        return "; ".join(head(inner) for inner in node.body)
    inside = [name for name in INSIDE if isinstance(getattr(node, name, None), list)]
    if not inside:
        return ast.unparse(ast.fix_missing_locations(node))
    emptied = with_fields(node, **{name: [ast.Pass()] if name == "body" else [] for name in inside})
    return ast.unparse(ast.fix_missing_locations(emptied)).removesuffix("pass").strip()


def mutations(
    tree: ast.Module, needed: Iterable[str], ranges: Ranges | None = None, done: Container[tuple[str, str]] = ()
) -> Iterator[Mutation]:
    """All single mutations of the code that the names in `needed` (function or Class.method) run, in the file's order.

    Left alone are imports, docstrings, annotations, decorators, what is raised, asserted or printed, and the statements
    in `done` (symbol, code).
    """
    for symbol, owner, place in _reached(tree, needed):
        for inner in _statements(place):
            statement = inner.node
            if (symbol, head(statement)) in done:
                continue
            scope = scope_of(place.node, owner, statement, ranges)
            for spot in (inner, *_expressions(statement)):
                for kind, changed in KINDS.items():
                    for new in changed(spot, scope):
                        yield Mutation(kind, symbol, statement, spot, new)


def _reached(tree: ast.Module, needed: Iterable[str]) -> Iterator[tuple[str, ast.ClassDef | None, Place]]:
    """Functions, methods and other statements that `needed` run, found by following names: symbol, class, place."""
    found: list[tuple[str, ast.ClassDef | None, Place]] = []
    for index, node in enumerate(tree.body):
        if isinstance(node, ast.ClassDef):
            for at, item in enumerate(node.body):
                name = f".{item.name}" if isinstance(item, Function) else ""
                found.append((node.name + name, node, Place(node, "body", at)))
        else:
            name = node.name if isinstance(node, Function) else next(_bound(node), "")
            found.append((name, None, Place(tree, "body", index)))
    names, before = {part for symbol in needed for part in symbol.split(".")}, 0
    while len(names) > before:
        before = len(names)
        for symbol, _, place in found:
            if _is_run(symbol, names):
                names |= {short(inner) for inner in ast.walk(place.node)} - {""}
    for symbol, owner, place in found:
        if _is_run(symbol, names):
            yield symbol, owner, place


def _is_run(symbol: str, names: set[str]) -> bool:
    class_name, _, method = symbol.partition(".")
    return class_name in names and (not method or method in names or method in IMPLICIT or method.startswith("__"))


def _bound(node: ast.AST) -> Iterator[str]:
    """The names that a statement gives a value to, or changes something of."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id
        elif isinstance(inner, ast.Attribute) and isinstance(inner.ctx, ast.Store):
            yield short(inner.value)


def _statements(place: Place) -> Iterator[Place]:
    """The statement in `place` and all inside of it that compute something."""
    node = place.node
    if isinstance(node, ast.Import | ast.ImportFrom | ast.Raise | ast.Assert | ast.Global | ast.Nonlocal | ast.Pass):
        return
    if isinstance(node, ast.Expr) and (is_text(node) or _is_aside(node.value)):
        return
    if isinstance(node, ast.If) and all(isinstance(inner, ast.Raise) for inner in node.body):
        return  # a guard against wrong use
    yield place
    for field in INSIDE:
        for index, inner in enumerate(getattr(node, field, None) or ()):
            if isinstance(inner, ast.stmt):
                yield from _statements(Place(node, field, index))
            elif isinstance(inner, ast.ExceptHandler | ast.match_case):
                for at in range(len(inner.body)):
                    yield from _statements(Place(inner, "body", at))


def _is_aside(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and any(short(part) in ASIDE for part in ast.walk(node.func))


def _expressions(node: ast.AST) -> Iterator[Place]:
    """The expressions of one statement that are read; those of statements inside of it are not its own."""
    for field, value in ast.iter_fields(node):
        if field in ("annotation", "returns", "decorator_list", "type_params"):
            continue
        for index, inner in enumerate(value) if isinstance(value, list) else [(None, value)]:
            if isinstance(inner, ast.JoinedStr) or not isinstance(
                inner, ast.expr | ast.keyword | ast.comprehension | ast.arguments | ast.withitem
            ):
                continue
            place = Place(node, field, index)
            if _shape_only(place):
                continue
            if isinstance(inner, ast.expr) and isinstance(getattr(inner, "ctx", ast.Load()), ast.Load):
                yield place
            yield from _expressions(inner)


def _shape_only(place: Place) -> bool:
    holder = place.holder
    if isinstance(holder, ast.Attribute):
        return holder.attr in SHAPE_OF
    return isinstance(holder, ast.Call) and place.field == "args" and place.index == 0 and short(holder.func) in LIKE
