"""Find the gaps that are still open in a student's file: names that are only ever given the placeholder `...`.

Reads the syntax tree alone; nothing is imported or run.
"""

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Gap:
    """A name that a starter leaves to fill, and the statements that give it a value.

    blank: it is only ever given a placeholder; open: blank, and its value is needed: another line reads it, or it is
    an attribute. A placeholder that is overwritten or that nothing reads is a left-over.
    """

    name: str
    statements: tuple[ast.Assign | ast.AnnAssign | ast.NamedExpr, ...]
    is_attribute: bool
    blank: bool
    open: bool

    @property
    def lines(self) -> list[int]:
        """Line of each value, counted from 1."""
        return [statement.value.lineno for statement in self.statements if statement.value]


def definition(tree: ast.Module, symbol: str) -> ast.FunctionDef | None:
    """The function `symbol`, `function` or `Class.method`; of several definitions the last one.

    A method may also be a function that is given to the class later on, as notebooks do: `Class.method = function`.
    """
    return _definition(tree.body, symbol.split("."))


def _definition(statements: list[ast.stmt], path: list[str]) -> ast.FunctionDef | None:
    for place, node in reversed(list(enumerate(statements))):
        if isinstance(node, ast.ClassDef) and len(path) == 2 and node.name == path[0]:
            return _definition(node.body, path[1:])
        if isinstance(node, ast.Assign) and len(path) == 2 and isinstance(node.value, ast.Name):
            if any(ast.unparse(target) == ".".join(path) for target in node.targets):
                # What the name stood for there; it may be another function's further down.
                return _definition(statements[:place], [node.value.id])
            continue
        if isinstance(node, ast.FunctionDef) and path == [node.name]:
            return node
    return None


def is_stub(function: ast.FunctionDef) -> bool:
    """Whether the body is nothing but a docstring, `pass`, `...` or `raise NotImplementedError`."""

    def is_empty(statement: ast.stmt) -> bool:
        if isinstance(statement, ast.Raise):
            return re.match(r"raise NotImplementedError\b", ast.unparse(statement)) is not None
        is_constant = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        return is_constant or isinstance(statement, ast.Pass)

    return all(map(is_empty, function.body))


def gaps_in(function: ast.FunctionDef, names: Sequence[str]) -> list[Gap]:
    """Those of `names` that `function` gives a value, in this order."""
    read = {node.id for node in ast.walk(function) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)}
    given = list(_assignments(function))
    found = []
    for name in names:
        mine = [(is_attribute, statement) for target, is_attribute, statement in given if target == name]
        if mine:
            blank = all(statement.value and holds_placeholder(statement.value) for _, statement in mine)
            is_needed = all(is_attribute or name in read for is_attribute, _ in mine)
            statements = tuple(statement for _, statement in mine)
            found.append(Gap(name, statements, mine[0][0], blank, blank and is_needed))
    return found


def _assignments(
    function: ast.FunctionDef,
) -> Iterator[tuple[str, bool, ast.Assign | ast.AnnAssign | ast.NamedExpr]]:
    """Each name that is given a value, whether it is an attribute, and the statement."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Assign | ast.AnnAssign | ast.NamedExpr) or node.value is None:
            continue
        for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
            for element in target.elts if isinstance(target, ast.Tuple | ast.List) else [target]:
                if isinstance(element, ast.Attribute):
                    yield element.attr, True, node
                elif isinstance(element, ast.Name):
                    yield element.id, False, node


def holds_placeholder(value: ast.expr) -> bool:
    """Whether `...` stands in `value` as a value; inside an index (`x[..., 0]`) it is ordinary code."""
    todo: list[ast.AST] = [value]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Constant) and node.value is Ellipsis:
            return True
        todo += [node.value] if isinstance(node, ast.Subscript) else list(ast.iter_child_nodes(node))
    return False
