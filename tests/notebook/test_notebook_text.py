"""What of a notebook is the solution: found by names, whatever stands around it."""

import json

import pytest

from graders import manifest
from graders.submission import intake
from graders.submission import source as sources
from graders.submission.notebook import NotebookError, cells, solution

MANIFEST = manifest.load("conditional_vae")
STUDENTS = manifest.ROOT / "assignments" / "conditional_vae" / "cvae.ipynb"


def notebook(*texts, kinds=None):
    kinds = kinds or ["code"] * len(texts)
    return json.dumps({"cells": [{"cell_type": k, "source": t} for k, t in zip(kinds, texts, strict=True)]}).encode()


def found(*texts, **more):
    return solution(notebook(*texts, **more), ["Model", "loss"], ["encode"]).split()


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


@pytest.mark.parametrize("line", ["%matplotlib inline", "!pip install torch", "loss?", "?loss", "    %time 1"])
def test_lines_for_ipython_are_left_out(line):
    assert found(f"{line}\ndef loss(): return 1") == same("def loss(): return 1")


def test_cell_magics():
    assert found("%%time\ndef loss(): return 1") == same("def loss(): return 1")
    assert found("%%bash\nloss = 1", "loss = 2") == same("loss = 2")


def test_a_percent_sign_that_is_python_stays():
    text = "loss = (5\n% 3)"
    assert found(text) == same(text)


def test_cells_that_python_cannot_read():
    assert found("def loss(): return 1", "this is no python") == same("def loss(): return 1")
    broken = "def loss(:\n    return 1"
    assert found(broken) == same(broken)
    assert found("class Model: pass", "def encode(:\n    pass\nModel.encode = encode") != same("class Model: pass")


def test_the_gap_mark_is_kept():
    text = "def loss():\n    kl = ???\n    return kl"
    assert found(text) == same(text)


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
    assert "0.6 MB of code; a submission has at most 512 kB" in intake.find(tmp_path, MANIFEST).fault
