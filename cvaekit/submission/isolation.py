"""Leave one task's lines in a function that several tasks share, and give the others' names a neutral value."""

import ast
from collections.abc import Iterator
from dataclasses import replace

from cvaekit.kit import Assignment
from cvaekit.manifest import Task
from cvaekit.student.gaps import definition, gaps_in
from cvaekit.submission.source import Source
from cvaekit.submission.statements import parse

NOTHING = '__import__("torch").zeros(())'  # what a variable gets, a term of a sum for one; an attribute gets None
Value = tuple[ast.expr, str]  # an expression, and the text that takes its place


def neighbours(assignment: Assignment, task: Task) -> list[Task]:
    """Return the tasks, `task` among them, whose work goes into the same function."""
    return [other for other in assignment.tasks if other.symbol == task.symbol and other.gaps]


def isolated(source: Source, assignment: Assignment, task: Task) -> Source | None:
    """Return the source with the lines of the other tasks in the function of `task` taken out.

    The names that the starter gives to gaps tell whose lines they are. None where a name is not there.
    """
    function = definition(parse(source.code), task.symbol)
    if function is None:
        return None
    values: list[Value] = []
    for other in neighbours(assignment, task):
        if other.id == task.id:
            continue
        found = gaps_in(function, other.gaps)
        if {gap.name for gap in found} != set(other.gaps):
            return None
        for gap in found:
            text = "None" if gap.is_attribute else NOTHING
            values += [(statement.value, text) for statement in gap.statements if statement.value]
    values += _feeding(function, [value for value, _ in values])
    return replace(source, code=_replaced(source.code, values)) if values else None


def _feeding(function: ast.FunctionDef, removed: list[ast.expr]) -> Iterator[Value]:
    """Yield the values of variables that nothing but `removed` reads, directly or through another one."""
    assigned = {
        node.targets[0].id: node.value
        for node in function.body
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name)
    }
    removed = list(removed)
    while True:
        inside = {id(node) for value in removed for node in ast.walk(value)}
        read = {node.id for node in _reads(function) if id(node) not in inside}
        only_inside = {node.id for node in _reads(function) if id(node) in inside} - read
        new = [value for name, value in assigned.items() if name in only_inside and id(value) not in map(id, removed)]
        if not new:
            return
        yield from ((value, NOTHING) for value in new)
        removed += new


def _reads(function: ast.FunctionDef) -> Iterator[ast.Name]:
    return (n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))


def _replaced(code: str, values: list[Value]) -> str:
    """Return the code with other texts in place of expressions; every line keeps its number."""
    lines = [line.encode() for line in code.split("\n")]  # syntax trees count columns in bytes
    for value, text in sorted(values, key=lambda pair: (pair[0].lineno, pair[0].col_offset), reverse=True):
        first, last = value.lineno - 1, (value.end_lineno or value.lineno) - 1
        after = lines[last][value.end_col_offset :]
        lines[first] = lines[first][: value.col_offset] + text.encode() + after
        for number in range(first + 1, last + 1):
            lines[number] = b""
    return b"\n".join(lines).decode()
