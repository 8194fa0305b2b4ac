"""What the text of a submission tells before anything of it runs."""

import re

import pytest
from shipped import KIT

from cvaekit.starter import starter
from cvaekit.submission import source
from cvaekit.submission.intake import Submission

MANIFEST = KIT.assignment("conditional_vae")
REFERENCE = MANIFEST.reference_text
STARTER = starter(REFERENCE)
WITH_GAPS = [task.id for task in MANIFEST.tasks if task.gaps]


def read(text):
    content = text if isinstance(text, bytes) else text.encode()
    return source.read(Submission("name", "cvae.py", content), MANIFEST)


def test_the_starter_has_every_gap_open():
    assert sorted(read(STARTER).open_gaps) == sorted(WITH_GAPS)


def test_the_reference_has_none():
    found = read(REFERENCE)
    assert (found.fault, found.open_gaps, found.imports) == (None, {}, ("torch",))


GAPS = {
    "encoder_dims": ("nn.Linear(..., 256)", "nn.Linear(794, 256)"),
    "decoder_dims": ("nn.Linear(..., 128)", "nn.Linear(26, 128)"),
    "reconstruction_loss": ("recon_loss = ...", "recon_loss = 1.0"),
    "kl_loss": ("kl_loss = ...", "kl_loss: float = 1.0"),
}


@pytest.mark.parametrize("task", GAPS)
def test_each_gap_is_closed_on_its_own(task):
    old, new = GAPS[task]
    assert STARTER.count(old) == 1
    assert set(WITH_GAPS) - set(read(STARTER.replace(old, new)).open_gaps) == {task}


def test_a_half_filled_method_is_still_open_and_says_where():
    text = STARTER.replace("std = ...", "std = 1").replace("z = ...", "z = mu + std * epsilon")
    number = next(n for n, line in enumerate(text.splitlines(), 1) if line.strip() == "epsilon = ...")
    assert (
        f"`epsilon` in SimpleCVAE.reparameterize is still a placeholder (line {number})"
        in read(text).open_gaps["reparameterize"]
    )


def test_a_placeholder_that_is_left_over_is_no_gap():
    text = REFERENCE.replace(
        "        combined = torch.cat([x,", "        combined = ...\n        combined = torch.cat([x,"
    )
    text = text.replace("        return z\n", "        z = ...\n        return mu + std * epsilon\n")
    assert text.count("= ...") > REFERENCE.count("= ...") + 1
    assert read(text).open_gaps == {}


@pytest.mark.parametrize(
    "lines",
    [
        "z = ...\n        return (z := mu + std * epsilon)",  # given a value where it is used
        "z = ...\n        [z] = [mu + std * epsilon]\n        return z",
        "z: object = mu + std * epsilon\n        return z",
    ],
)
def test_a_gap_may_be_filled_in_other_statements(lines):
    text = REFERENCE.replace("z = mu + std * epsilon\n        ### END SOLUTION\n        return z", lines)
    assert text != REFERENCE
    assert read(text).open_gaps == {}


@pytest.mark.parametrize("lines", ["z = ...\n        z += mu", "z = ...\n        z[0] = mu", "std, z = std, ..."])
def test_a_placeholder_that_is_only_worked_with_is_a_gap(lines):
    text = REFERENCE.replace("        z = mu + std * epsilon\n", f"        {lines}\n")
    assert text != REFERENCE
    assert list(read(text).open_gaps) == ["reparameterize"]


def test_an_ellipsis_in_an_index_is_no_gap():
    text = REFERENCE.replace("torch.cat([x, labels_onehot], dim=1)", "torch.cat([x[..., :], labels_onehot], dim=1)")
    assert text != REFERENCE
    assert read(text).open_gaps == {}


@pytest.mark.parametrize(
    "body", ["pass", "...", "raise NotImplementedError", '"""todo"""\n        raise NotImplementedError("x")']
)
def test_a_method_without_a_body_is_not_started(body):
    text = re.sub(r"(def encode\(self, x, labels_onehot\):\n)(.*\n)+?(\n)", rf"\1        {body}\n\n", REFERENCE)
    assert list(read(text).open_gaps) == ["encode"]


def test_of_functions_with_one_name_the_one_that_the_class_was_given_counts():
    given = "def decode(self, z, labels_onehot):\n    return z\n\nSimpleCVAE.decode = decode\n"
    assert read(REFERENCE + given + "def decode(z): ...\n").open_gaps == {}
    assert list(
        read(REFERENCE + "def decode(z): ...\nSimpleCVAE.decode = decode\n" + given.partition("\n\n")[0]).open_gaps
    ) == ["decode"]


def test_the_modules_gap_mark_is_recognised():
    text = REFERENCE.replace("torch.exp(0.5 * logvar)", "???", 1)
    found = read(text)
    number = next(n for n, line in enumerate(text.splitlines(), 1) if "???" in line)
    assert found.fault is None
    assert found.open_gaps == {
        "reparameterize": f"Not started: `std` in SimpleCVAE.reparameterize is still a placeholder (line {number})."
    }


def test_a_gap_mark_in_a_comment_is_not_one():
    found = read(REFERENCE + "# why ???\n")
    assert (found.fault, found.note, found.open_gaps) == (None, "", {})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("def f(:\n", "Python cannot read cvae.py: invalid syntax (line 1: `def f(:`)."),
        ("x = 1\n\tif True:\n", "line 2"),
        ("x = (\n", "'(' was never closed (line 1: `x = (`)"),
        (b"x = 1\0", "NUL bytes"),
        (b"x = 1\n# caf\xe9\n", "not UTF-8 text (line 2)"),
        (b"# -*- coding: klingon -*-\n", "declares no other encoding that Python knows"),
        ("", "cvae.py is empty."),
        ("\n \n", "cvae.py is empty."),
        ("x = " + "(" * 5000 + ")" * 5000, "nested"),
        ("x = " + "-" * 20000 + "1", "nested too deeply"),
    ],
)
def test_files_that_are_not_python(content, message):
    assert message in read(content).fault


def test_other_encodings_are_fine_when_declared():
    assert read("# -*- coding: latin-1 -*-\nx = 'café'\n".encode("latin-1")).fault is None
    assert read("\ufeffx = 1\n").fault is None


def test_warnings_in_a_submission_stay_its_own(recwarn):
    assert read("x = '\\d'\n").fault is None
    assert not recwarn.list


@pytest.mark.parametrize(
    "text",
    [
        "import torch.optim as o",
        "from torch.optim import Adam",
        "from torch import optim",
        "import torch\ntorch.optim.SGD",
    ],
)
def test_a_text_that_makes_optimizers_says_so(text):
    assert "optim" in read(text).imports
