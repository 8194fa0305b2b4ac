"""Make the instructor's notebook of an assignment: solutions, tests, points and text.

The plan `graders/NAME/notebook.toml` lists the cells. The code of a task is cut out of the reference and its
text out of the handout, so that neither is written twice. Same input, same bytes: `cvaekit build --check` compares.
"""

import ast
import re
import textwrap
from pathlib import Path
from typing import Any

import nbformat
from nbformat import NotebookNode

from cvaekit.kit import Assignment, KitError, read, read_toml

HIDDEN = """### BEGIN HIDDEN TESTS
from cvaekit.notebook.kernel_score import score

score("{assignment}", "{task}", "{notebook}")
### END HIDDEN TESTS"""
HELPERS = Path(__file__).parent / "templates" / "helpers.py.txt"  # what every notebook's sanity tests use
KINDS = {"handout", "helpers", "shared", "text", "question", "source", "test", "given"}
TODO = re.compile(r"# TODO \((\w+)\)")


def make(assignment: Assignment) -> NotebookNode:
    """The instructor's notebook. Raises KitError for a plan that names what is not there."""
    plan = read_toml(assignment.folder / "notebook.toml")
    parts, cells = _Parts(assignment, read(assignment.handout_file)), []
    for number, entry in enumerate(plan.get("cell", [])):
        where = f"graders/{assignment.name}/notebook.toml, [[cell]] number {number + 1}"
        if not KINDS & entry.keys():
            raise KitError(f"{where}: write one of the keys {', '.join(sorted(KINDS))}")
        try:
            cells.append(parts.cell(entry, number))
        except KeyError as error:
            raise KitError(f"{where}: {error.args[0]}") from None
    notebook = nbformat.v4.new_notebook(cells=cells)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    notebook.nbformat_minor = 5
    nbformat.validate(notebook)
    return notebook


class _Parts:
    """Makes a cell of each entry of the plan."""

    def __init__(self, assignment: Assignment, handout: str):
        self.assignment, self.handout = assignment, handout

    def cell(self, entry: dict[str, Any], number: int) -> NotebookNode:
        if "handout" in entry:
            sections = [section(self.handout, anchor) for anchor in entry["handout"]]
            text = "\n\n".join([*sections, entry.get("text", "").strip()]).strip()
            return _markdown(f"text-{number}", text)
        if "helpers" in entry:
            return _given("helpers", HELPERS.read_text(encoding="utf-8").strip("\n"))
        if "shared" in entry:
            path = self.assignment.kit.root / "reference" / entry["shared"]
            code = f"{read(path).strip()}\n\n\n{_key(entry, 'code').strip()}"
            return _given(path.stem, code)
        if "text" in entry:
            return _markdown(f"text-{number}", entry["text"].strip())
        if "question" in entry:
            answer = f"### BEGIN SOLUTION\n{_key(entry, 'scheme').strip()}\n### END SOLUTION"
            points = _key(entry, "points")
            return _with_role(_markdown(entry["question"], answer), grade=True, solution=True, points=points)
        if "source" in entry:
            code = piece(self.assignment.reference_text, entry["source"])
            name = entry["source"].replace(".", "-")
            return (
                _with_role(_code(f"solution-{name}", code), solution=True) if TODO.search(code) else _given(name, code)
            )
        if "test" in entry:
            task = next((task for task in self.assignment.tasks if task.id == entry["test"]), None)
            if task is None:
                raise KeyError(f"test = {entry['test']!r} is no task of the manifest")
            hidden = HIDDEN.format(assignment=self.assignment.name, task=task.id, notebook=self.assignment.notebook)
            title = f"# Sanity test of {task.id} ({task.points:g} points). The grader asks for more of the same."
            code = "\n".join([title, hidden, _key(entry, "code").strip("\n")])
            return _with_role(_code(task.id, code), grade=True, locked=True, points=task.points)
        return _given(entry["given"], _key(entry, "code").strip("\n"))


def _key(entry: dict[str, Any], name: str) -> Any:
    if name not in entry:
        raise KeyError(f"the key {name} is missing")
    return entry[name]


def as_text(notebook: NotebookNode) -> str:
    """A notebook as nbconvert writes it."""
    text: str = nbformat.writes(notebook, version=4)
    return text.rstrip("\n") + "\n"


def _markdown(name: str, text: str) -> NotebookNode:
    return nbformat.v4.new_markdown_cell(text, id=name)


def _code(name: str, source: str) -> NotebookNode:
    return nbformat.v4.new_code_cell(source, id=name)


def _given(name: str, source: str) -> NotebookNode:
    return _with_role(_code(f"given-{name}", source), locked=True)


def _with_role(
    cell: NotebookNode,
    *,
    grade: bool = False,
    solution: bool = False,
    locked: bool = False,
    points: float | None = None,
) -> NotebookNode:
    """`cell` with nbgrader's metadata, schema 3. Its grade id is its cell id, by which it is known without metadata."""
    role = {"schema_version": 3, "grade": grade, "locked": locked, "solution": solution, "task": False}
    role |= {"grade_id": cell.id} | ({} if points is None else {"points": float(points)})
    cell.metadata["nbgrader"] = nbformat.from_dict(role)
    return cell


def section(handout: str, anchor: str) -> str:
    """The section of a Markdown text whose heading has `anchor`, with all below it; KeyError when there is none."""
    parts = re.split(r"^(?=#{2,3} )", handout, flags=re.MULTILINE)
    for part in parts:
        heading = part.partition("\n")[0].lstrip("# ")
        if re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") == anchor:
            return part.strip()
    raise KeyError(f"the handout has no section #{anchor}")


def piece(reference: str, symbol: str) -> str:
    """The code of `symbol` in the text of a reference, markers included, such that it can stand in a cell of its own.

    `imports` are the imports. `Class.__init__` is the class up to the end of its constructor, and any other method a
    function that its last line gives to the class. KeyError when there is no such thing.
    """
    tree, lines = ast.parse(reference), reference.split("\n")
    if symbol == "imports":
        found: list[ast.stmt] = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        return "\n".join(ast.unparse(node) for node in found)
    owner, _, method = symbol.partition(".")
    for index, node in enumerate(tree.body):
        if not isinstance(node, ast.ClassDef | ast.FunctionDef) or node.name != owner:
            continue
        end = _start(tree.body[index + 1 :], len(lines) + 1)
        if not method:
            return _cut(lines, _first_line(node), end)
        for place, inner in enumerate(node.body):
            if isinstance(inner, ast.FunctionDef) and inner.name == method:
                end = _start(node.body[place + 1 :], end)
                if method == "__init__":
                    return _cut(lines, _first_line(node), end)
                return f"{_cut(lines, _first_line(inner), end)}\n\n\n{owner}.{method} = {method}"
    raise KeyError(f"the reference defines no {symbol}")


def _start(following: list[ast.stmt], otherwise: int) -> int:
    return _first_line(following[0]) if following else otherwise


def _first_line(node: ast.stmt) -> int:
    """Where a statement begins, its decorators included."""
    return min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])


def _cut(lines: list[str], first: int, end: int) -> str:
    """Lines `first` (counted from 1) to before `end`, without indentation and blank lines around them."""
    return textwrap.dedent("\n".join(lines[first - 1 : end - 1])).strip("\n")
