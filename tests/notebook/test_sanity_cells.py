"""The visible tests of the notebook: right work passes in silence, and everything else is told in words."""

import contextlib
import io
import warnings

import hand_in
import nbformat
import pytest
from shipped import KIT, ROOT

ASSIGNMENT = ROOT / "assignments" / "conditional_vae"
RELEASED = (ASSIGNMENT / "cvae.ipynb").read_text(encoding="utf-8")
SUBMISSIONS = ROOT / "tests" / "submissions"
REFERENCE = (ROOT / "reference" / "conditional_vae" / "cvae.py").read_text(encoding="utf-8")
TASKS = [task.id for task in KIT.assignment("conditional_vae").tasks]
ENCODE, DECODE = "solution-SimpleCVAE-encode", "solution-SimpleCVAE-decode"
SAMPLE, LOSS, MODEL = "solution-SimpleCVAE-reparameterize", "solution-cvae_loss", "solution-SimpleCVAE-__init__"


def run(notebook):
    """Cell id -> what a kernel shows: printed text, or the exception. Training is one step instead of 400."""
    scope = {"__name__": "notebook"}
    shown: dict[str, str | Exception] = {}
    for cell in notebook.cells:
        if cell.cell_type != "code":
            continue
        printed = io.StringIO()
        source = cell.source.replace("steps=400", "steps=1").replace("plt.show()", "plt.close(figure)")
        try:
            with contextlib.redirect_stdout(printed), warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a kernel shows a warning and goes on
                exec(source, scope)
            shown[cell.id] = printed.getvalue()
        except Exception as error:
            shown[cell.id] = error
    return shown


def told(error):
    """The verdict that a cell shows instead of a traceback."""
    assert hasattr(error, "_render_traceback_"), repr(error)
    lines = error._render_traceback_()
    assert [line.split()[0] for line in lines] == ["NOT", "Called", "Got", "Wanted", "Hint"], lines
    return dict(line.split(maxsplit=1) for line in lines[1:])


@pytest.mark.parametrize("name", ["reference", "right.py"])
def test_right_work_passes_in_every_cell(name, digits_are_found):
    text = REFERENCE if name == "reference" else (SUBMISSIONS / name).read_text(encoding="utf-8")
    shown = run(hand_in.filled(RELEASED, text))
    for task in TASKS[:-1]:
        assert str(shown[task]).startswith(f"{task}: ")
    assert "nats per unseen digit" in told(shown["training"])["Got"]  # of one step only
    assert [name for name, what in shown.items() if isinstance(what, Exception)] == ["training"]


def test_the_untouched_notebook_says_everywhere_that_a_gap_is_open(digits_are_found):
    shown = run(nbformat.reads(RELEASED, as_version=4))
    for task in TASKS[:-1]:
        assert told(shown[task])["Hint"] == "A `...` is still open on the way to this answer."
    assert told(shown["given-training"])["Called"] == "train()"
    assert told(shown["training"])["Called"] == "400 training steps on real digits"
    assert told(shown["given-drawing"])["Wanted"] == "a trained model, from the cell with train()"


def method(name, line):
    return f"def {name}(self, a, b):\n    {line}\n\n\nSimpleCVAE.{name} = {name}"


def loss(line):
    return f"def cvae_loss(reconstruction, original, mu, logvar):\n    {line}"


BCE = "F.binary_cross_entropy(reconstruction, original, reduction='sum')"
# What stands in a cell instead of the answer, the test that tells it, and what it says came back
WRONG = [
    (ENCODE, method("encode", "pass"), "encode", "None"),
    (ENCODE, method("encode", "return a[:, :5]"), "encode", "a tensor of shape (4, 5)"),
    (ENCODE, method("encode", "return a[:, :5], a[:, :5], b"), "encode", "tuple of 3: a tensor of shape (4, 5)"),
    (ENCODE, method("encode", "return a[:, :5], None"), "encode", "tuple of 2: a tensor of shape (4, 5), None"),
    (ENCODE, method("encode", "return a[:, :5], a[:, :5]"), "encode", "the same mu twice"),
    (ENCODE, method("encode", "return self.no_such_layer(a)"), "encode", "AttributeError: 'SimpleCVAE' object has no"),
    (
        ENCODE,
        "def encode(self, x):\n    return x\n\n\nSimpleCVAE.encode = encode",
        "encode",
        "TypeError: encode() takes",
    ),
    (SAMPLE, method("reparameterize", "pass"), "reparameterize", "None"),
    (SAMPLE, method("reparameterize", "return a, b"), "reparameterize", "tuple of 2"),
    (SAMPLE, method("reparameterize", "return a + b"), "reparameterize", "the same z twice"),
    (SAMPLE, method("reparameterize", "return torch.randn_like(a)"), "reparameterize", "RuntimeError: element 0 of"),
    (
        SAMPLE,
        method("reparameterize", "return a + torch.randn(())  # detached below\n"),
        "reparameterize",
        "no gradient",
    ),
    (SAMPLE, method("reparameterize", "return torch.randn(4)"), "reparameterize", "a tensor of shape (4,)"),
    (DECODE, method("decode", "pass"), "decode", "None"),
    (DECODE, method("decode", "return (torch.rand(4, 784),)"), "decode", "tuple of 1: a tensor of shape (4, 784)"),
    (DECODE, method("decode", "return torch.ones(4, 784) * b.sum()"), "decode", "the same picture"),
    (DECODE, method("decode", "return self.calls.pop(a)"), "decode", "AttributeError"),
    (LOSS, loss("pass"), "reconstruction_loss", "None"),
    (LOSS, loss("return reconstruction - original"), "reconstruction_loss", "a tensor of shape (1, 784)"),
    (LOSS, loss("return 0.0"), "reconstruction_loss", "0.0"),
    (LOSS, loss("return reconstruction.sum() * 0"), "reconstruction_loss", "0 and 0"),
    (LOSS, loss("return reconstruction.sum() * float('nan')"), "reconstruction_loss", "nan and nan"),
    (LOSS, loss("return reconstruction.mean() + 1"), "reconstruction_loss", "1.5 and 1.5"),
    (LOSS, loss("return F.mse_loss(original)"), "reconstruction_loss", "TypeError: mse_loss() missing"),
    (LOSS, loss("return ..."), "reconstruction_loss", "a `...`"),
    (LOSS, loss(f"return {BCE}"), "kl_loss", "0 nats more"),
    (LOSS, loss(f"return {BCE} + mu.mean() ** 2 + logvar.mean() ** 2"), "kl_loss", "1 and 1"),
    (LOSS, loss(f"return {BCE} + mu.sum() / 0"), "kl_loss", "nan nats more"),
    (MODEL, "class SimpleCVAE(nn.Module):\n    pass", "encoder_dims", "TypeError: "),
    (
        MODEL,
        "class SimpleCVAE:\n    def __init__(self, latent_dim):\n        self.encoder_fc1 = 794",
        "encoder_dims",
        "794",
    ),
    (
        MODEL,
        "class SimpleCVAE(nn.Module):\n    def __init__(self, latent_dim):\n        1 / 0",
        "decoder_dims",
        "ZeroDivision",
    ),
    (
        MODEL,
        "class SimpleCVAE(nn.Module):\n    def __init__(self, latent_dim):\n        raise ValueError('a\\nb')",
        "encode",
        "ValueError: a",
    ),
]


@pytest.mark.parametrize(("cell", "code", "task", "got"), WRONG)
def test_wrong_work_is_told_in_words(cell, code, task, got, digits_are_found):
    shown = run(hand_in.edited(hand_in.filled(RELEASED, REFERENCE), cell, source=code))
    assert told(shown[task])["Got"].startswith(got)
    for what in shown.values():
        if isinstance(what, Exception):
            told(what)
