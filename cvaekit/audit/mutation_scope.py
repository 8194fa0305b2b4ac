"""Places in a syntax tree, and what can be named there."""

import ast
import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

Node = TypeVar("Node", bound=ast.AST)
Function = ast.FunctionDef | ast.AsyncFunctionDef
Ranges = Mapping[str, tuple[float, float]]
NO_GRADIENTS = {"no_grad", "inference_mode"}
AXES = ("dim", "axis", "start_dim")


@dataclass(frozen=True)
class Place:
    """Where a node hangs in its tree: the field of another node, and the position if the field is a list."""

    holder: ast.AST
    field: str
    index: int | None = None

    @property
    def node(self) -> Any:
        value = getattr(self.holder, self.field)
        return value if self.index is None else value[self.index]

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.holder, self.field, node)
        else:
            getattr(self.holder, self.field)[self.index] = node

    @property
    def is_called(self) -> bool:
        return isinstance(self.holder, ast.Call) and self.field == "func"

    @property
    def is_axis(self) -> bool:
        return isinstance(self.holder, ast.keyword) and self.holder.arg in AXES

    @property
    def is_value(self) -> bool:
        """Whether a whole value stands here: what is assigned, returned, handed over, or put into a list."""
        whole = isinstance(self.holder, ast.Assign | ast.Return | ast.List | ast.Tuple) and self.field != "targets"
        return whole or (isinstance(self.holder, ast.Call) and self.field == "args")


@dataclass(frozen=True)
class Scope:
    """What can be named where a statement stands, and what is promised.

    names: parameters, and variables that have a value there; layers: attributes that the class sets and calls; numbers:
    attributes that it sets and does not call; read: all that it reads; gradients: whether a result may carry some;
    is_first: whether the statement is the function's first; ranges: expression -> the smallest and the largest value
    that it is promised to have.
    """

    parameters: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    layers: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()
    read: frozenset[str] = frozenset()
    gradients: bool = False
    is_first: bool = False
    ranges: Ranges | None = None


def scope_of(node: ast.stmt, owner: ast.ClassDef | None, statement: ast.stmt, ranges: Ranges | None) -> Scope:
    """The scope of `statement`, which stands in the function `node`, or is `node`."""
    if not isinstance(node, Function):
        return Scope(ranges=ranges)
    arguments = node.args
    listed = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    parameters = [argument.arg for argument in listed if argument.arg != "self"]
    earlier = [
        inner.id
        for inner in ast.walk(node)
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store) and inner.lineno < statement.lineno
    ]
    names = parameters + earlier if statement is not node else []
    called = {_attribute(inner.func) for inner in ast.walk(owner or node) if isinstance(inner, ast.Call)}
    own, read = (
        dict.fromkeys(name for inner in ast.walk(owner or node) if (name := _attribute(inner, context)))
        for context in (ast.Store, ast.Load)
    )
    marks = {short(part) for mark in node.decorator_list for part in ast.walk(mark)}
    return Scope(
        () if node.name == "__init__" else tuple(parameters),
        tuple(dict.fromkeys(names)),
        tuple(name for name in own if name in called),
        tuple(name for name in own if name not in called),
        frozenset(read),
        node.name != "__init__" and not marks & NO_GRADIENTS,
        statement is next((inner for inner in node.body if not is_text(inner)), None),
        ranges,
    )


def _attribute(node: ast.AST, context: type[ast.expr_context] = ast.Load) -> str:
    """X of a `self.X` that is read, or set."""
    if not isinstance(node, ast.Attribute) or not isinstance(node.ctx, context):
        return ""
    return node.attr if isinstance(node.value, ast.Name) and node.value.id == "self" else ""


def with_fields(node: Node, **fields: object) -> Node:
    """A copy of a node with other fields."""
    found = copy.copy(node)
    for name, value in fields.items():
        setattr(found, name, value)
    return found


def short(node: ast.AST | None) -> str:
    """A name, of a dotted one the last part, or nothing."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def is_text(node: ast.stmt) -> bool:
    """Whether a statement is a docstring, or does as little."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def words(text: str) -> frozenset[str]:
    return frozenset(text.split())
