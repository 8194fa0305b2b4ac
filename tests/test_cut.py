"""What of a `.py` file runs: what the tasks need, found by following names, at the lines where it stood."""

import re
from typing import Any

import pytest
from shipped import KIT

from cvaekit.submission import intake, source
from cvaekit.submission.intake import Submission
from cvaekit.submission.solution import cut

MANIFEST = KIT.assignment("conditional_vae")
MODEL = "class Model:\n    def f(self):\n        return SIZE\n"


def kept(text, *symbols):
    """The lines of a text that are kept, after a check that they stand where they stood."""
    lines, found = text.split("\n"), cut(text, symbols or ["Model"]).split("\n")
    assert len(lines) == len(found)
    assert all(new in (old, "") for old, new in zip(lines, found, strict=True))
    return [line for line in found if line]


@pytest.mark.parametrize(
    "effect",
    [
        "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.savefig('x.png')",
        "log = open('log.txt', 'w')\nlog.write('hi')",
        "for epoch in range(50):\n    model = Model()\n    loss = model.f()\n    loss.backward()",
        "if __name__ == '__main__':\n    Model().f()",
        "with open('x') as f:\n    print(f.read())",
        "import sys\nsys.exit()",
        "SIZES = input()",
        "from google.colab import drive\ndrive.mount('/content')",
        "!pip install torch\n%matplotlib inline",
        "this is no Python",
        "match = (",
    ],
)
@pytest.mark.parametrize("before", [True, False])
def test_effects_are_left_out(effect, before):
    text = f"{effect}\n\nSIZE = 3\n{MODEL}" if before else f"SIZE = 3\n{MODEL}\n{effect}\n"
    assert kept(text) == ["SIZE = 3", *MODEL.splitlines()]


@pytest.mark.parametrize(
    "part",
    [
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('--size')\nSIZE = p.parse_args().size",
        "try:\n    import fast\nexcept ImportError:\n    SIZE = 3",
        "SIZES = []\nfor n in range(3):\n    SIZES.append(n)\nSIZE = len(SIZES)",
        "from constants import *",
        "from __future__ import annotations",
        "Model.g = lambda self: 1",
        "Other = 3\nModel = Other",
        "SIZE = 1; print(SIZE)",
    ],
)
def test_what_the_model_uses_is_kept(part):
    text = f"{MODEL}{part}\n"
    assert kept(text) == [line for line in text.split("\n") if line]


def test_a_training_loop_does_not_run_for_the_name_that_it_counts_with():
    text = f"SIZE = 1\n{MODEL}for SIZE in range(9):\n    loss = Model().f()\n    loss.backward()\n"
    assert kept(text) == ["SIZE = 1", *MODEL.splitlines()]


@pytest.mark.parametrize(
    ("broken", "error_line"),
    [
        ("def loss(x):\n    return (x\n", 2),
        ("def loss(x)\n    return x\n", 1),
        ("@cached\ndef loss(x):\n    y = = x\n    return y\n", 3),
    ],
)
def test_a_function_that_python_cannot_read_raises_at_its_line(broken, error_line):
    found = cut(f"{broken}\nSIZE = 3\n{MODEL}", ["loss", "Model"])
    [line] = [number for number, line in enumerate(found.split("\n"), 1) if "raise SyntaxError" in line]
    assert line == error_line
    scope: dict[str, Any] = {}
    exec(found, scope)
    assert scope["Model"]().f() == 3
    with pytest.raises(SyntaxError):
        scope["loss"](1)


def test_long_runs_of_blanks_take_no_time():
    assert kept(f"x = ({' ' * 100_000}\n{' ' * 100_000}y\nSIZE = 3\n{MODEL}") == ["SIZE = 3", *MODEL.splitlines()]


def read(folder, path=None):
    return source.read(intake.find(path or folder, MANIFEST), MANIFEST)


def write(folder, **files):
    for name, text in files.items():
        path = folder / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return folder


LOSS = "def cvae_loss(a, b, c, d):\n    return a\n"
NET = "import torch\n\nclass SimpleCVAE(torch.nn.Module):\n    pass\n"


def test_other_files_are_read_as_far_as_they_are_needed(tmp_path):
    write(
        tmp_path,
        cvae="from models import SimpleCVAE\nimport losses as l\ncvae_loss = l.cvae_loss\n",
        losses=f"{LOSS}open('x', 'w')\n",
        models__net=f"from .parts import *\n{NET}while True: pass\n",
        models__parts="A = 1\n",
        unrelated="B = 1\n",
    )
    (tmp_path / "models" / "__init__.py").write_text("from .net import SimpleCVAE\nprint('hello')\n")
    found = read(tmp_path)
    assert set(found.modules) == {"models", "models.net", "models.parts", "losses"}
    assert found.modules["losses"].strip() == LOSS.strip()
    assert "while" not in found.modules["models.net"]
    assert "torch" in found.imports


def test_a_folder_whose_script_imports_everything_is_a_submission(tmp_path):
    write(tmp_path, main="from net import SimpleCVAE\nfrom loss import (\n    cvae_loss,\n)\n", net=NET, loss=LOSS)
    assert set(read(tmp_path).modules) == {"net", "loss"}


def test_a_file_that_was_named_takes_nothing_from_another_students(tmp_path):
    write(tmp_path, ada="from bob import *\n", bob=NET + LOSS, carl="from parts import cvae_loss\n" + NET, parts=LOSS)
    assert read(tmp_path, tmp_path / "ada.py").modules == {}
    assert set(read(tmp_path, tmp_path / "carl.py").modules) == {"parts"}


def test_neither_links_nor_modules_of_python_are_taken(tmp_path):
    folder = tmp_path / "ada"
    write(tmp_path, secret="A = 1\n")
    write(
        folder, cvae=f"import secret, random, torch\nfrom up import *\n{NET}{LOSS}", random="A = 1\n", torch="A = 1\n"
    )
    (folder / "secret.py").symlink_to(tmp_path / "secret.py")
    (folder / "up").symlink_to(tmp_path)
    assert read(folder).modules == {}


def test_a_gap_in_another_file_is_found(tmp_path):
    net = f"{NET}    def encode(self, x, y):\n        combined = ...\n        return self.f(combined)\n"
    write(tmp_path, cvae=f"from net import SimpleCVAE\n{LOSS}", net=net)
    assert "(line 6 of net.py)" in read(tmp_path).open_gaps["encode"]


def test_a_file_of_which_parts_can_be_read_gets_a_note():
    found = source.read(Submission("x", "cvae.py", f"{NET}{LOSS}for x in y\n".encode()), MANIFEST)
    assert found.fault is None
    assert re.match(
        r"Python cannot read cvae.py: .* \(line 7: `for x in y`\)\. What can be read is graded\.", found.note
    )
