"""What of a notebook is the solution: found by names, whatever stands around it."""

import json
from typing import Any

import hand_in
import nbformat
import pytest
from shipped import KIT, ROOT

from cvaekit.submission import intake
from cvaekit.submission import source as sources
from cvaekit.submission.cells import NotebookError, cells
from cvaekit.submission.solution import solution

MANIFEST = KIT.assignment("conditional_vae")
STUDENTS = ROOT / "assignments" / "conditional_vae" / "cvae.ipynb"


def notebook(*texts, kinds=None):
    kinds = kinds or ["code"] * len(texts)
    return json.dumps({"cells": [{"cell_type": k, "source": t} for k, t in zip(kinds, texts, strict=True)]}).encode()


def found(*texts, **more):
    return solution(notebook(*texts, **more), ["Model", "loss"]).text.split()


def same(text):
    return text.split()


def test_what_the_symbols_use_is_kept_and_the_rest_falls_away():
    wanted = [
        "import torch\nfrom torch import nn",
        "SIZE = 3",
        "def helper():\n    return SIZE",
        "class Model(nn.Module):\n    size = helper()",
        "def loss():\n    return torch.zeros(())",
    ]
    scratch = ["import pandas", "model = Model()", "def train():\n    Model()", "for _ in range(9):\n    train()"]
    assert found(*wanted, *scratch) == same("\n".join(wanted).replace("\nfrom", "\n from"))


def test_a_method_that_is_given_to_the_class_belongs_to_it():
    text = "class Model: pass\ndef encode(self): return 1\nModel.encode = encode"
    assert found(text) == same(text)
    assert found("class Model: pass", "setattr(Model, 'f', g)", "def g(): pass") == same(
        "class Model: pass\nsetattr(Model, 'f', g)\ndef g(): pass"
    )
    text = "class Model: pass\ndef add(to): ...\n@add(Model)\ndef encode(self): return 1"
    assert found(text) == same(text)


def test_names_inside_functions_are_their_own():
    assert "scratch" not in found("class Model:\n    def f(self, z):\n        return z", "z = scratch()")


def test_the_last_definition_wins_as_it_does_on_a_kernel():
    assert found("def loss(): return 1", "def loss(): return 2") == same("def loss(): return 1\ndef loss(): return 2")


@pytest.mark.parametrize(
    "line",
    [
        "files = !ls",
        "t = %time 1",
        "%run a \\\n  b \\\n  c",
        "%matplotlib inline",
        "!pip install torch",
        "loss?",
        "?loss",
        "    %time 1",
    ],
)
def test_lines_for_ipython_are_left_out(line):
    assert found(f"{line}\ndef loss(): return 1") == same("def loss(): return 1")


def test_cell_magics():
    assert found("%%time\ndef loss(): return 1") == same("def loss(): return 1")
    assert found("%%bash\nloss = 1", "loss = 2") == same("loss = 2")


def test_a_percent_sign_that_is_python_stays():
    text = "loss = (5\n% 3)"
    assert found(text) == same(text)


def test_what_python_cannot_read_costs_what_it_defines():
    assert found("def loss(): return 1", "this is no python") == same("def loss(): return 1")
    parts = ["import torch", "loss = (", "def encode(self:\n    return 1", "Model.encode = encode"]
    scope: dict[str, Any] = {}
    exec(solution(notebook("\n".join(["class Model: pass", *parts])), ["Model", "torch"]).text, scope)
    assert "torch" in scope
    with pytest.raises(SyntaxError, match=r"was never closed|invalid syntax"):
        scope["Model"].encode(3)


def test_a_class_that_python_cannot_read_fails_when_it_is_made():
    scope: dict[str, Any] = {}
    broken = "class Model(Module:\n    def f(self):\n        pass"
    exec(solution(notebook(broken, "def loss(): return 1"), ["Model", "loss"]).text, scope)
    with pytest.raises(SyntaxError):
        scope["Model"](latent_dim=3)
    assert scope["loss"]() == 1


def test_a_method_that_python_cannot_read_costs_only_itself():
    scope: dict[str, Any] = {}
    broken = ["class Model:", "    size = 3", "    @staticmethod", "    def f(x:", "        pass"]
    text = "\n".join([*broken, "", "    def g(self):", "        return self.size"])
    exec(solution(notebook(text), ["Model"]).text, scope)
    assert scope["Model"]().g() == 3
    with pytest.raises(SyntaxError, match="never closed"):
        scope["Model"].f(1)


def test_the_gap_mark_is_an_open_gap_of_its_own():
    text = "def loss():\n    kl = ???\n    return kl"
    assert found(text) == same(text.replace("???", "..."))


def test_imports_from_the_future_come_first():
    exec(solution(notebook("import math", "from __future__ import annotations\nloss = 1"), ["loss", "math"]).text, {})


CHANGES = [
    "CONFIG['eps'] = 0.5",
    "CONFIG.update(eps=0.5)",
    "CONFIG |= {'eps': 0.5}",
    "CONFIG: dict = {}",
    "del CONFIG['eps']",
    "Model.encode, Model.decode = first, second",
    "if True:\n    Model.encode = first",
    "for name in ('encode',):\n    setattr(Model, name, first)",
    "with context():\n    Model.encode = first",
]


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_a_thing_that_is_needed_is_needed(change):
    given = "class Model: pass\nCONFIG = {}\ndef loss(): return CONFIG"
    more = "def first(self): pass\ndef second(self): pass" if "first, second" in change else ""
    assert same(change)[-1] in found(given, more, change)
    assert "".join(same(change)) in "".join(found(given, more, change))


@pytest.mark.parametrize("use", ["torch.save(Model(), 'x')", "plt.show()", "model.train()", "print(loss())", "loss()"])
def test_what_only_uses_the_solution_is_not_needed(use):
    given = "import torch, matplotlib.pyplot as plt\nclass Model: pass\ndef loss(): plt.plot(torch.zeros(3))"
    assert found(given, "model = Model()", use) == same(given)


def test_tests_and_training_that_were_handed_out_do_not_run_for_a_name_that_slips_out():
    """`mu` is a name in a given test; in the method it was forgotten in the list of parameters."""
    released = nbformat.read(STUDENTS, as_version=4)
    text = json.dumps(hand_in.edited(released, "solution-SimpleCVAE-encode", source=LEAK))
    kept = intake.solution(text.encode(), MANIFEST.symbols, STUDENTS.read_bytes()).text
    assert "train()" not in kept
    assert "NotYet" in kept  # the definition of a helper that the method uses
    assert "train()" in intake.solution(text.encode(), MANIFEST.symbols).text


LEAK = """def encode(self, x, labels_onehot):
    expect(True, "", "", "", "")
    return mu, trained


SimpleCVAE.encode = encode"""


def test_a_students_line_is_told_by_its_cell(tmp_path):
    texts = ["class SimpleCVAE: pass", "# my loss\n\ndef cvae_loss():\n    kl_loss = ...\n    return kl_loss"]
    (tmp_path / "cvae.ipynb").write_bytes(notebook(*texts))
    source = sources.read(intake.find(tmp_path / "cvae.ipynb", MANIFEST), MANIFEST)
    assert source.open_gaps["kl_loss"].endswith("is still a placeholder (line 4 of the cell `# my loss`).")
    number = source.text.split("\n").index("    return kl_loss") + 1
    assert (source.where(number), source.line(number)) == ("line 5 of the cell `# my loss`", "return kl_loss")


def test_a_line_that_cannot_be_read_is_told_by_its_cell(tmp_path):
    texts = ["class SimpleCVAE: pass", "import torch\ndef cvae_loss():\n    x = 1\n    return (x"]
    (tmp_path / "cvae.ipynb").write_bytes(notebook(*texts))
    source = sources.read(intake.find(tmp_path / "cvae.ipynb", MANIFEST), MANIFEST)
    assert source.fault is None
    number = next(n for n, line in enumerate(source.text.split("\n"), 1) if "raise" in line)
    assert (source.where(number), source.line(number)) == ("line 4 of the cell `import torch`", "return (x")


@pytest.mark.parametrize("code", ["x = 1\n" * 5001, "x = '" + "x" * 600_000 + "'"])
def test_more_code_than_anybody_writes_is_not_read(code):
    with pytest.raises(NotebookError, match=r"a submission has at most|statements"):
        found(code)


def test_markdown_is_no_code():
    assert found("def loss(): pass", kinds=["markdown"]) == []


def test_two_statements_in_a_line_stay_together():
    assert found("a = 1; loss = (2,\n 3)") == same("a = 1; loss = (2,\n 3)")


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b'{"cells": 3}', b"\xff\xfe", b"[" * 100_000])
def test_files_that_are_no_notebooks(content):
    with pytest.raises(NotebookError):
        cells(content)


def test_odd_cells_are_read_as_far_as_they_go():
    odd = {"cells": [3, {}, {"cell_type": "code", "source": ["a", 1, "b"], "metadata": []}, {"source": 5, "id": 1}]}
    assert [(cell.kind, cell.source, cell.names) for cell in cells(json.dumps(odd).encode())] == [
        ("raw", "", ()),
        ("code", "ab", ()),
        ("raw", "", ()),
    ]


def test_the_students_notebook_has_every_gap_open():
    submission = intake.find(STUDENTS, MANIFEST)
    assert sorted(sources.read(submission, MANIFEST).open_gaps) == sorted(t.id for t in MANIFEST.tasks if t.gaps)
    for trap in ("NotYet", "train", "plt", "expect"):
        assert trap not in submission.source.decode()


def test_a_folder_with_starter_and_notebook_is_judged_by_what_was_worked_on(tmp_path):
    starter = STUDENTS.with_name("cvae_starter.py")
    (tmp_path / "cvae_starter.py").write_bytes(starter.read_bytes().replace(b"\n", b"\r\n"))
    (tmp_path / "cvae.ipynb").write_bytes(STUDENTS.read_bytes().replace(b"kl_loss = ...", b"kl_loss = 1.0"))
    assert intake.find(tmp_path, MANIFEST).filename == "cvae.ipynb"
    (tmp_path / "cvae_starter.py").write_bytes(starter.read_bytes().replace(b"kl_loss = ...", b"kl_loss = 1.0"))
    assert intake.find(tmp_path, MANIFEST).filename == "cvae_starter.py"


def test_faults_of_notebooks_are_told(tmp_path):
    (tmp_path / "cvae.ipynb").write_text("{")
    fault = intake.find(tmp_path, MANIFEST).fault
    assert fault == "cvae.ipynb is not a notebook (it is not JSON). Save it again with Jupyter."
    (tmp_path / "cvae.ipynb").write_bytes(notebook("def cvae_loss():\n    return '" + "x" * 600_000 + "'"))
    fault = intake.find(tmp_path, MANIFEST).fault
    assert fault is not None
    assert "0.6 MB of code; a submission has at most 512 kB" in fault
