"""What texts for students may not say: the answer, a number, code, or a word that belittles what is hard for them."""

import ast
import re
from collections.abc import Iterator
from functools import cache

from cvaekit import bank
from cvaekit.kit import Assignment
from cvaekit.starter import numbers_of_solution_lines, starter

SHORTEST, LONGEST = 20, 160  # characters of a mistake's hint
BELITTLING = re.compile(
    r"\b(just|simple|simply|obvious(ly)?|easy|easily|trivial(ly)?|clearly|of course|silly|stupid|careless)\b", re.I
)
# Signs and numbers; and words that only code has, whatever the assignment: names of torch and its arguments.
CODE = re.compile(r"\d|[`=()\[\]*/_]|\b(torch|self)\.\w|\b(dim|cat|randn|rsample|reduction)\b")
SHORTEST_VALUE = 12  # characters of a solution's expression that give it away; shorter ones turn up by chance


def faults_of_hints(assignment: Assignment) -> Iterator[str]:
    """What is wrong with the hints of tasks and mistakes: file and entry, fault, and what to do."""
    manifest, mistakes = (f"graders/{assignment.name}/{file}" for file in ("assignment.toml", "mistakes.toml"))
    for task in assignment.tasks:
        where = f"{manifest}, task {task.id}: the hint"
        yield from (f"{where} {fault}" for fault in _faults(task.hint, assignment))
    for entry in bank.load(assignment).mistakes:
        where = f"{mistakes}, {entry.id}: the hint"
        if found := CODE.search(entry.hint):
            yield f"{where} holds {found.group()!r}, a number or a piece of code; say what the student misunderstands"
        yield from (f"{where} {fault}" for fault in _faults(entry.hint, assignment))
        sentences = len(re.findall(r"[.?!](?:\s|$)", entry.hint))
        if not SHORTEST <= len(entry.hint) <= LONGEST or sentences not in (1, 2) or entry.hint[-1] not in ".?":
            yield (
                f"{where} has {len(entry.hint)} characters in {sentences} sentences; write one or two whole sentences "
                f"of {SHORTEST} to {LONGEST} characters, with . or ? at the end"
            )


def _faults(hint: str, assignment: Assignment) -> Iterator[str]:
    copied = [code for code in expressions(assignment) if code in _dense(hint)]
    if copied:
        yield f"holds {max(copied, key=len)!r} of the solution; say what the student misunderstands"
    if found := BELITTLING.search(hint):
        yield f"says {found.group()!r}; leave the word out"


def belittling_lines(text: str, where: str) -> Iterator[str]:
    """The lines of a handout with a word that belittles."""
    for number, line in enumerate(text.splitlines(), start=1):
        if found := BELITTLING.search(line):
            yield f"{where}, line {number}: says {found.group()!r}; leave the word out"


def solution_lines(text: str, where: str, assignment: Assignment) -> Iterator[str]:
    """The lines of a visible test that compute what a solution computes, in the same words."""
    for number, line in enumerate(text.splitlines(), start=1):
        code = _dense(line).replace('"', "'")
        if copied := [value for value in _values(assignment) if value in code]:
            yield (
                f"{where}, line {number}: gives {max(copied, key=len)!r} of the solution away; "
                "test a property, or a known value"
            )


@cache
def expressions(assignment: Assignment) -> frozenset[str]:
    """Every expression of the solutions that is more than a name or a number, without its blanks."""
    nodes = (node for node in _solution_nodes(assignment) if isinstance(node, ast.expr))
    return frozenset(_dense(ast.unparse(node)) for node in nodes if not isinstance(node, ast.Name | ast.Constant))


@cache
def _values(assignment: Assignment) -> frozenset[str]:
    """What the solutions assign or return and the starter does not show, without blanks."""
    given = _dense(starter(assignment.reference_text)).replace('"', "'")
    statements = (ast.Assign, ast.AugAssign, ast.AnnAssign, ast.Return)
    found = (node.value for node in _solution_nodes(assignment) if isinstance(node, statements) and node.value)
    dense = {_dense(ast.unparse(value)) for value in found}
    return frozenset(value for value in dense if len(value) >= SHORTEST_VALUE and value not in given)


def _solution_nodes(assignment: Assignment) -> Iterator[ast.AST]:
    """The statements and expressions that begin between markers."""
    text = assignment.reference_text
    lines = numbers_of_solution_lines(text)
    return (node for node in ast.walk(ast.parse(text)) if getattr(node, "lineno", None) in lines)


def _dense(text: str) -> str:
    return re.sub(r"\s", "", text)
