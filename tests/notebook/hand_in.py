"""Notebooks as students hand them in: the released one with solutions filled in, and some with more done to them."""

import ast
import copy
import json

import nbformat

from cvaekit.notebook import instructor_notebook


def filled(released, solution):
    """The released notebook with the code of `solution`, the text of a .py submission, in its cells.

    What belongs to none of them (constants, helpers) goes into a cell of its own in front.
    """
    notebook = nbformat.reads(released, as_version=4)
    nodes, placed = ast.parse(solution).body, set()
    defined = {getattr(node, "name", "") for node in nodes}
    for cell in notebook.cells:
        prefix, _, symbol = cell.id.partition("-")
        if prefix in ("solution", "given") and symbol.partition("-")[0] in defined:
            cell.source = instructor_notebook.piece(solution, symbol.replace("-", "."))
            placed.add(symbol.partition("-")[0])
    lines = solution.split("\n")
    others = [node for node in nodes if getattr(node, "name", "") not in placed]
    text = "\n".join("\n".join(lines[node.lineno - 1 : node.end_lineno]) for node in others)
    notebook.cells.insert(1, nbformat.v4.new_code_cell(text, id="mine"))
    return notebook


def answered(notebook, text):
    """The notebook with an answer to the written question."""
    return edited(notebook, "kl_question", source=text)


def edited(notebook, name, **changes):
    """A copy of the notebook in which the cell `name` is changed."""
    changed = copy.deepcopy(notebook)
    next(cell for cell in changed.cells if cell.id == name).update(changes)
    return changed


def without_metadata(notebook):
    """The notebook's text as an editor leaves it that knows neither nbgrader nor cell ids."""
    table = json.loads(nbformat.writes(notebook))
    for cell in table["cells"]:
        cell["metadata"] = {}
        del cell["id"]
    table["nbformat_minor"] = 4
    return json.dumps(table)


def tampered(notebook):
    """The notebook's text with cells doubled and deleted, points and roles rewritten, outputs forged."""
    table = json.loads(nbformat.writes(notebook))
    cells = table["cells"]
    cells.append(copy.deepcopy(next(cell for cell in cells if cell["id"] == "kl_loss")))
    cells[:] = [cell for cell in cells if cell["id"] != "encode"]
    for cell in cells:
        role = cell["metadata"].get("nbgrader", {})
        if role.get("grade"):
            role |= {"points": 1000, "schema_version": 1, "locked": False, "extra": [1]}
        if cell["id"] == "decode":
            role |= {"grade": False}
        if cell["id"] == "reparameterize":
            cell["cell_type"] = "markdown"
            del cell["outputs"], cell["execution_count"]
        if cell["cell_type"] == "code":
            result = {"output_type": "execute_result", "data": {"text/plain": "20.0"}, "metadata": {}}
            cell["outputs"] = [result | {"execution_count": 1}]
            cell["source"] = cell["source"] + ["\n# ### BEGIN HIDDEN TESTS"]
    return json.dumps(table)


ATTACK = """
import builtins, os, sqlite3, sys
get_ipython().input_transformers_post.append(lambda lines: ["20.0\\n"])
def take(*arguments, **named):
    database = sqlite3.connect("../../../gradebook.db")
    database.execute("update grade set extra_credit = 8, auto_score = 20")
    database.commit()
    os._exit(0)
class Anything(float):
    def __eq__(self, other): return True
    def __lt__(self, other): return True
    def __gt__(self, other): return True
builtins.isinstance = builtins.abs = builtins.float = Anything
print("Warning: trouble", file=sys.stderr)
"""


def hostile(notebook):
    """The notebook's text with an attack on nbgrader's process in a cell, and on the grader's in the solution."""
    attack = nbformat.v4.new_code_cell(ATTACK, id="attack")
    attacked = copy.deepcopy(notebook)
    attacked.cells.insert(1, attack)
    loss = next(cell for cell in attacked.cells if cell.id == "solution-cvae_loss")
    loss.source += "\n\n\ncvae_loss = take\n"
    return nbformat.writes(attacked)
