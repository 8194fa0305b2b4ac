"""Kinds of mutations: what may stand in the place of an expression or a statement, as a plausible slip would have it.

Each kind is a function of the place and its scope. A change rarely computes the same: conversions, what only lends its
shape, and the order of what a symmetric function gets are left alone.
"""

import ast
from collections.abc import Callable, Iterator
from typing import Any

from cvaekit.audit.mutation_scope import Place, Scope, short, with_fields, words

_INVERSE = (ast.Add, ast.Sub), (ast.Mult, ast.Div)
_OTHERS: dict[Any, Any] = {ast.Pow: ast.Mult, ast.FloorDiv: ast.Mult, ast.Mod: ast.FloorDiv, ast.MatMult: ast.Mult}
OPERATORS = _OTHERS | {one: other for pair in _INVERSE for one, other in (pair, pair[::-1])}
_TURNED: tuple[tuple[Any, Any], ...] = (ast.Lt, ast.Gt), (ast.LtE, ast.GtE), (ast.Eq, ast.NotEq)
COMPARISONS = {one: other for pair in _TURNED for one, other in (pair, pair[::-1])}
_PAIRS = ("sum mean", "min max", "any all", "var std", "rand randn", "rand_like randn_like", "floor ceil", "amin amax")
_ONE_WAY = {"relu": "leaky_relu", "sigmoid": "tanh", "exp": "expm1", "log": "log1p"}
RELATIVES = _ONE_WAY | {one: other for pair in _PAIRS for one, other in (pair.split(), pair.split()[::-1])}
OTHER_AXIS = {"0": 1, "1": 0, "-1": 0, "-2": 1}
# Whether one of these is there changes the type or the place of a number at most.
CONVERSIONS = words(
    "as_tensor asarray bool clone contiguous cpu detach double float int item list long numpy to tolist tuple type_as"
)
PLACEMENTS = words("dtype device layout pin_memory validate_args")
NUMERIC = (ast.Name, ast.BinOp, ast.Call)  # what may well be a number
SYMMETRIC = words("min max minimum maximum sum dot vdot add mul multiply isclose equal")
GUARD = 1e-3  # a smaller constant guards against rounding
NEUTRAL = ("rand", "normal", "sample", "zeros", "empty")
DEPTHS = (0.02, 0.1, 0.25, 0.4)  # how far into a promised range a clamp cuts, as a share of the range


Kind = Callable[[Place, Scope], Iterator[ast.AST]]


def _operator(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in OPERATORS and not _adds_little(node):
        yield with_fields(node, op=OPERATORS[type(node.op)]())


def _adds_little(node: ast.BinOp | ast.AugAssign) -> bool:
    """Whether what is added guards against rounding, or is nothing."""
    right = node.right if isinstance(node, ast.BinOp) else node.value
    small = isinstance(right, ast.Constant) and isinstance(right.value, int | float) and abs(right.value) < GUARD
    return small and isinstance(node.op, ast.Add | ast.Sub)


def _sign(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        whole = isinstance(node.operand, ast.Constant) and isinstance(node.operand.value, int)
        if not place.is_axis and not (whole and isinstance(place.holder, ast.Call)):  # which may be an axis, too
            yield node.operand
    elif place.is_value and isinstance(node, ast.Name if isinstance(place.holder, ast.Call) else NUMERIC):
        yield from () if _is_neutral(node) else (ast.UnaryOp(ast.USub(), node),)


def _constant(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    guarded = isinstance(place.holder, ast.BinOp) and _adds_little(place.holder) and place.field == "left"
    value = node.value if isinstance(node, ast.Constant) and not place.is_axis and not guarded else None
    if isinstance(value, bool):
        yield ast.Constant(not value)
    elif isinstance(value, int):
        yield ast.Constant(value + 1)
        if value > 0:
            yield ast.Constant(value - 1)
    elif isinstance(value, float):
        yield ast.Constant(0.0 if 0 < abs(value) < GUARD else 2 * value or 1.0)


def _axis(place: Place, scope: Scope) -> Iterator[ast.AST]:
    if place.is_axis and (other := OTHER_AXIS.get(ast.unparse(place.node))) is not None:
        yield ast.Constant(other)


def _arguments(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.Call) and short(node.func) not in SYMMETRIC:
        yield from (with_fields(node, args=args) for args in _exchanged(node.args))
    elif isinstance(node, ast.List | ast.Tuple) and not isinstance(place.holder, ast.Return):
        if len(node.elts) > 2 and all(isinstance(element, ast.Constant) for element in node.elts):
            return  # in any order as often as not
        handed_to = short(getattr(place.holder, "func", None))
        yield from (with_fields(node, elts=parts) for parts in _exchanged(node.elts) if handed_to not in SYMMETRIC)


def _returned(place: Place, scope: Scope) -> Iterator[ast.AST]:
    if isinstance(place.node, ast.Tuple) and isinstance(place.holder, ast.Return):
        yield from (with_fields(place.node, elts=elements) for elements in _exchanged(place.node.elts))


def _exchanged(nodes: list[ast.expr]) -> Iterator[list[ast.expr]]:
    for at in range(len(nodes) - 1):
        if not any(isinstance(node, ast.Starred) for node in nodes[at : at + 2]):
            yield [*nodes[:at], nodes[at + 1], nodes[at], *nodes[at + 2 :]]


def _keyword(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.Call):
        for at, keyword in enumerate(node.keywords):
            if keyword.arg and keyword.arg not in PLACEMENTS:
                yield with_fields(node, keywords=node.keywords[:at] + node.keywords[at + 1 :])


def _term(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.Sub | ast.Mult | ast.Div):
        if not _adds_little(node):
            yield node.left
        if isinstance(node.op, ast.Sub):
            yield ast.UnaryOp(ast.USub(), node.right)
        elif not isinstance(node.op, ast.Div):
            yield node.right


def _name(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.Name) and node.id in scope.names and not place.is_called:
        yield from (ast.Name(name, ast.Load()) for name in scope.names if name != node.id)
    elif isinstance(node, ast.Attribute) and ast.unparse(node.value) == "self":
        among = scope.layers if node.attr in scope.layers else scope.numbers if node.attr in scope.numbers else ()
        yield from (with_fields(node, attr=name) for name in among if name != node.attr)


def _relative(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node, name = place.node, short(place.node)
    if place.is_called and name in RELATIVES:
        yield with_fields(node, **{"attr" if isinstance(node, ast.Attribute) else "id": RELATIVES[name]})
    elif isinstance(place.holder, ast.keyword) and isinstance(node, ast.Constant) and node.value in ("sum", "mean"):
        yield ast.Constant(RELATIVES[node.value])


def _clamp(place: Place, scope: Scope) -> Iterator[ast.AST]:
    """Around a value, or in front of everything that a function does with a parameter."""
    node, ranges = place.node, scope.ranges or {}
    if scope.is_first and isinstance(node, ast.stmt):
        for name in scope.parameters:
            for clamped in _clamped(ast.Name(name, ast.Load()), ranges.get(name)):
                yield in_turn(ast.Assign([ast.Name(name, ast.Store())], clamped), node)
    elif isinstance(node, ast.Name | ast.Attribute | ast.Call) and not place.is_called:
        text = ast.unparse(node)
        yield from _clamped(node, ranges.get(text) if text not in scope.parameters else None)


def _clamped(node: ast.expr, bounds: tuple[float, float] | None) -> Iterator[ast.expr]:
    if bounds:
        low, high = bounds
        for depth in DEPTHS:
            for side, limit in (("min", low + depth * (high - low)), ("max", high - depth * (high - low))):
                keyword = ast.keyword(side, ast.Constant(float(f"{limit:.4g}")))
                yield ast.Call(ast.Attribute(node, "clamp", ast.Load()), [], [keyword])


def in_turn(*statements: ast.stmt) -> ast.If:
    """Several statements as one."""
    return ast.If(ast.Constant(True), list(statements), [])


def _detach(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if not scope.gradients or place.is_called:
        return
    handed = isinstance(node, ast.Name) and node.id in scope.names
    used = handed and (place.is_value or isinstance(place.holder, ast.BinOp | ast.Attribute))
    made = isinstance(node, ast.Call | ast.BinOp) and isinstance(place.holder, ast.Assign | ast.Return)
    if used or (made and not _is_neutral(node)):
        yield _call(node, "detach")


def _is_neutral(node: ast.expr) -> bool:
    """Whether a value is drawn at random, or zeros, as it is called: no gradient goes there, and no sign matters."""
    while isinstance(node, ast.Call):
        if short(node.func).removeprefix("new_").startswith(NEUTRAL):
            return True
        node = getattr(node.func, "value", node.func)  # what the method is called on
    return False


def _in_place(place: Place, scope: Scope) -> Iterator[ast.AST]:
    """The value is returned as before, and a parameter is overwritten after it was made."""
    if isinstance(place.holder, ast.Return):
        for name in scope.parameters:
            both = ast.Tuple([place.node, _call(ast.Name(name, ast.Load()), "zero_")], ast.Load())
            yield ast.Subscript(both, ast.Constant(0), ast.Load())


def _dropped_call(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if not isinstance(node, ast.Call) or isinstance(place.holder, ast.Expr) or short(node.func) in CONVERSIONS:
        return
    root = node.func
    while isinstance(root, ast.Attribute):
        root = root.value
    of_module = isinstance(root, ast.Name) and root.id not in scope.names  # or a layer of the class's own
    if isinstance(node.func, ast.Attribute) and not of_module:
        yield node.func.value
    elif node.args and not isinstance(node.args[0], ast.Starred):
        yield node.args[0]


def _comparison(place: Place, scope: Scope) -> Iterator[ast.AST]:
    node = place.node
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in COMPARISONS:
        yield with_fields(node, ops=[COMPARISONS[type(node.ops[0])]()])
    elif isinstance(node, ast.BoolOp):
        yield with_fields(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    elif isinstance(node, ast.IfExp):
        yield with_fields(node, body=node.orelse, orelse=node.body)
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield node.operand


def _dropped(place: Place, scope: Scope) -> Iterator[ast.AST]:
    """A statement without which the rest still runs: a call, a change, a condition, a value that replaces another."""
    node = place.node
    again = isinstance(node, ast.Assign) and all(ast.unparse(target) in scope.names for target in node.targets)
    inside = isinstance(node, ast.Assign) and all(
        isinstance(target, ast.Subscript) or short(target) in scope.read for target in node.targets
    )
    if again or inside or isinstance(node, ast.Expr | ast.AugAssign | ast.If):
        yield ast.Pass()


def _call(node: ast.expr, method: str) -> ast.Call:
    return ast.Call(ast.Attribute(node, method, ast.Load()), [], [])


KINDS: dict[str, Kind] = {
    "operator exchanged": _operator,
    "sign changed": _sign,
    "constant changed": _constant,
    "other axis": _axis,
    "arguments exchanged": _arguments,
    "results exchanged": _returned,
    "keyword dropped": _keyword,
    "term dropped": _term,
    "name exchanged": _name,
    "function exchanged": _relative,
    "clamp added": _clamp,
    "detach added": _detach,
    "argument overwritten": _in_place,
    "call dropped": _dropped_call,
    "statement dropped": _dropped,
    "comparison turned": _comparison,
}
