"""A kit with one small assignment, written file by file, so that a test can break one of them."""

from cvaekit.kit import Kit

FILES = {
    "graders/__init__.py": "",
    "graders/doubling/__init__.py": "",
    "graders/doubling/assignment.toml": """
title = "Doubling"
files = ["doubling.py"]
symbols = ["double"]
starter = "doubling_starter.py"
reference = "doubling.py"
notebook = "doubling.ipynb"

[[task]]
id = "double"
title = "Twice"
symbol = "double"
gaps = ["y"]
points = 10
hint = "How much is twice as much?"
handout = "task-1-double"
""",
    "graders/doubling/probes.py": """
import torch

from cvaekit.sandbox.probe import Unexpected, call, describe

FORMS = {"doubled": torch.Tensor}


def doubled(module, x):
    y = call(module.double, x)
    if not isinstance(y, torch.Tensor):
        raise Unexpected(describe(y))
    return y
""",
    "graders/doubling/test_double.py": '''
import pytest
import torch

from cvaekit.compare import close
from cvaekit.grading.failure import Failure


@pytest.mark.points(10)
def test_value(submission):
    """Every number is doubled."""
    x = torch.linspace(-2, 3, 7)
    y = submission.ask("doubled", "double(x)", x=x)
    submission.metric("largest", float(y.max()))
    if not close(y, 2 * x):
        raise Failure("double(x)", "other numbers", "every number twice as large")
''',
    "graders/doubling/mistakes.toml": """
[[mistake]]
id = "squared"
task = "double"
symptom = "Squared."
hint = "How much is twice three?"
solution = "y = x * x"
""",
    "reference/__init__.py": "",
    "reference/doubling/__init__.py": "",
    "reference/doubling/doubling.py": """
def double(x):
    # TODO (double): Double it
    ### BEGIN SOLUTION
    #: y = ...
    y = 2 * x
    ### END SOLUTION
    return y
""",
    "assignments/doubling/README.md": "### Task 1: double\n",
}


def write(root, edits=(), **files):
    """The kit in `root`; `edits` are (file, old, new), `files` replace or remove (None) whole files by stem."""
    texts = dict(FILES)
    for file, old, new in edits:
        assert old in texts[file], (file, old)
        texts[file] = texts[file].replace(old, new)
    for file, text in texts.items():
        path = root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        if files.get(path.stem, text) is not None:
            path.write_text(files.get(path.stem, text))
    return Kit(root)
