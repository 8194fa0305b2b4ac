"""Find the tasks for which an entry of a bank runs the reference's own code, and need not be judged.

A task is judged by calling its symbol: a function, or a method on a model that the constructor made. The two files are
compared as syntax trees. What cannot be told for certain counts as a difference in every task.
"""

import ast
import builtins
from collections.abc import Iterator

from cvaekit import bank
from cvaekit.kit import Assignment
from cvaekit.manifest import Task

Function = ast.FunctionDef | ast.AsyncFunctionDef


def untouched(submission: ast.Module, assignment: Assignment, origin: ast.Module | None = None) -> set[str]:
    """Ids of the tasks that `submission` answers with the code of `origin`, which is the reference if none is given."""
    changed = _changed(submission, origin or ast.parse(bank.solution(assignment)))
    if changed is None:
        return set()

    def touches(task: Task) -> bool:
        owner = task.symbol.rpartition(".")[0]
        called = task.symbol in changed or (owner and f"{owner}.__init__" in changed)
        return bool(called) or any(touches(assignment.task(needed)) for needed in task.depends_on)

    return {task.id for task in assignment.tasks if not touches(task)}


def _changed(tree: ast.Module, reference: ast.Module) -> set[str] | None:
    """The reference's functions that `tree` has otherwise, or that use one of these; None where more than functions
    differs."""
    taken = {name for node in ast.walk(reference) for name in _names(node)} | set(dir(builtins))
    mine, theirs = dict(_functions(tree)), dict(_functions(reference))
    known = {ast.dump(node) for node in _others(reference)}
    if known - {ast.dump(node) for node in _others(tree)}:
        return None
    for node in _others(tree):
        if ast.dump(node) not in known and not _adds_only(node, taken):
            return None
    for name in mine.keys() - theirs.keys():  # a new method may stand in for one of the base class
        if ("." in name and name.partition(".")[0] in taken) or name in taken:
            return None
        if not _inert(mine[name]):
            return None
    changed = {name for name, node in theirs.items() if name not in mine or ast.dump(mine[name]) != ast.dump(node)}
    while users := {name for name, node in theirs.items() if name not in changed and _uses(node, changed)}:
        changed |= users
    return changed


def _functions(tree: ast.Module) -> Iterator[tuple[str, Function]]:
    for node in tree.body:
        if isinstance(node, Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{item.name}", item) for item in node.body if isinstance(item, Function))


def _others(tree: ast.Module) -> Iterator[ast.stmt]:
    """Everything but functions: a class counts with its bases, decorators and attributes."""
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            rest = [item for item in node.body if not isinstance(item, Function) and not _is_text(item)]
            yield ast.ClassDef(node.name, node.bases, node.keywords, rest, node.decorator_list)
        elif not isinstance(node, Function) and not _is_text(node):
            yield node


def _adds_only(node: ast.stmt, taken: set[str]) -> bool:
    """Whether a statement does no more than bind names that the reference does not use."""
    if isinstance(node, ast.Import | ast.ImportFrom):
        bound = {(alias.asname or alias.name).partition(".")[0] for alias in node.names}
        return "*" not in bound and not bound & taken
    if isinstance(node, ast.ClassDef):  # `_others` gives it without its functions
        parts = [*node.bases, *(getattr(item, "value", item) for item in node.body)]
        plain = all(isinstance(part, ast.Name | ast.Attribute | ast.Constant | ast.Pass) for part in parts)
        return node.name not in taken and plain and not node.decorator_list and not node.keywords
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant):
        return all(isinstance(target, ast.Name) and target.id not in taken for target in node.targets)
    return isinstance(node, ast.If) and ast.unparse(node.test) == "__name__ == '__main__'" and not node.orelse


def _inert(node: Function) -> bool:
    """Whether defining a function runs nothing that could leave a trace."""
    return not node.decorator_list and not any(isinstance(part, ast.Call) for part in _signature(node))


def _signature(node: Function) -> Iterator[ast.AST]:
    for part in (node.args, node.returns):
        if part is not None:
            yield from ast.walk(part)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _names(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Name):
        yield node.id
    elif isinstance(node, ast.Attribute):
        yield node.attr
    elif isinstance(node, Function | ast.ClassDef):
        yield node.name
    elif isinstance(node, ast.alias):
        yield (node.asname or node.name).partition(".")[0]


def _uses(node: Function, changed: set[str]) -> bool:
    short = {name.rpartition(".")[2] for name in changed}
    return any(name in short for inner in node.body for part in ast.walk(inner) for name in _names(part))
