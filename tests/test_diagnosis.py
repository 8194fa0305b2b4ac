"""A submission that computes what a known mistake computes is told that mistake's hint."""

import math
import time

import pytest
import torch
from shipped import KIT

from cvaekit.bank import Bank, Mistake, load
from cvaekit.compare import same
from cvaekit.explain import diagnosis
from cvaekit.sandbox import Died, Raised

BANK = load(KIT.assignment("conditional_vae"))

ENCODER_INPUT = "torch.cat([x, labels_onehot], dim=1)"
STD = "torch.exp(0.5 * logvar)"
NOISE = "torch.randn_like(std)"
BCE = 'F.binary_cross_entropy(reconstruction, original, reduction="sum")'
KL = "-0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())"

# Mistakes of the bank, spelled as no entry spells them: name, task, changes.
SPELLED_DIFFERENTLY = [
    ("std_is_variance", "reparameterize", {STD: "torch.e ** logvar"}),
    ("kl_sign", "kl_loss", {KL: "((logvar - mu * mu + 1 - logvar.exp()) / 2).sum()"}),
    ("kl_twice", "kl_loss", {KL: "(mu * mu + logvar.exp() - logvar - 1).sum()"}),
    ("bce_mean", "reconstruction_loss", {BCE: "nn.BCELoss()(reconstruction, original)"}),
]


@pytest.fixture
def task_of(grade):
    """Grade the reference with texts replaced; the report on one task."""

    def task_of(task, changes):
        source = BANK.reference
        for old, new in changes.items():
            assert source.count(old) == 1, old
            source = source.replace(old, new)
        return next(report for report in grade(source).tasks if report.id == task)

    return task_of


def hint_of(name):
    return next(entry.hint for entry in BANK.mistakes if name in (entry.id, entry.group))


@pytest.mark.parametrize(("name", "task", "changes"), SPELLED_DIFFERENTLY)
def test_a_known_mistake_is_named_however_it_is_spelled(task_of, name, task, changes):
    report = task_of(task, changes)
    assert report.mistake == name
    assert report.feedback.startswith("Called: ")
    hints = [line for line in report.feedback.splitlines() if line.startswith("Hint: ")]
    assert hints == [f"Hint: {hint_of(name)}"]


def test_a_group_of_equivalent_mistakes_has_a_name_and_a_hint(task_of):
    report = task_of("decoder_dims", {"nn.Linear(latent_dim + num_classes, 128)": "nn.Linear(10 + 16, 128)"})
    assert report.mistake == "decoder_fixed_width"
    assert hint_of("decoder_fixed_width") in report.feedback


@pytest.mark.parametrize(
    ("task", "change"),
    [("kl_loss", {KL: f"0.77 * ({KL})"}), ("reparameterize", {NOISE: "(0.8 * torch.randn_like(std) - 0.1)"})],
)
def test_an_unknown_mistake_keeps_the_general_message(task_of, task, change):
    report = task_of(task, change)
    assert report.status == "wrong"
    assert report.mistake is None
    assert "Hint: " in report.feedback


def test_a_mistake_is_named_beside_one_in_another_task(grade):
    source = BANK.reference.replace(ENCODER_INPUT, "torch.cat([labels_onehot, x], dim=1)").replace(
        STD, "torch.exp(logvar)"
    )
    mistakes = {task.id: task.mistake for task in grade(source).tasks if task.mistake}
    assert mistakes == {"encode": "encode_label_first", "reparameterize": "std_is_variance"}


def test_two_wrong_terms_of_one_loss_are_told_apart(grade):
    source = BANK.reference.replace(BCE, "F.mse_loss(reconstruction, original, reduction='sum')").replace(
        KL, "0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())"
    )
    mistakes = {task.id: task.mistake for task in grade(source).tasks if task.mistake}
    assert mistakes == {"reconstruction_loss": "mse_sum", "kl_loss": "kl_sign"}


def test_noise_of_another_library_hides_no_mistake(task_of):
    changes = {STD: "torch.exp(logvar)", NOISE: "torch.from_numpy(np.random.randn(*std.shape)).float()"}
    changes["import torch\n"] = "import numpy as np\nimport torch\n"
    assert task_of("reparameterize", changes).mistake == "std_is_variance"


def test_right_code_is_diagnosed_as_nothing(grade):
    assert [task.mistake for task in grade(BANK.reference).tasks] == [None] * 8


def test_an_entry_that_never_returns_costs_the_diagnosis_and_nothing_else(grade, monkeypatch):
    endless = Mistake(id="endless", task="kl_loss", symptom="-", hint="-", solution="while True:\n    pass")
    bank = Bank(BANK.reference, (endless,), (), (), ())
    monkeypatch.setattr(diagnosis, "load", lambda assignment: bank)
    monkeypatch.setattr(diagnosis, "SECONDS", 1.0)
    before = time.monotonic()
    report = grade(BANK.reference.replace(KL, f"2 * ({KL})"))
    assert time.monotonic() - before < 20
    kl = next(task for task in report.tasks if task.id == "kl_loss")
    assert (report.outcome, kl.status, kl.mistake) == ("graded", "wrong", None)


ONES = torch.ones(3, 2)


@pytest.mark.parametrize(
    ("one", "other", "agree"),
    [
        (ONES, ONES + 1e-6, True),
        (ONES, ONES + 1e-2, False),
        (ONES, ONES.double(), False),
        (ONES, ONES.T, False),
        (ONES * math.nan, ONES * math.nan, True),
        (ONES * math.inf, -ONES * math.inf, False),
        (1.0, 1.0 + 1e-7, True),
        (1.0, 1.1, False),
        (math.nan, math.nan, True),
        (math.inf, 1.0, False),
        (1, 1.0, False),
        ({"a": [1, "b"]}, {"a": [1, "b"]}, True),
        ({"a": 1}, {"b": 1}, False),
        ([1], [1, 2], False),
        (Raised("ValueError", "no", 3, "call"), Raised("ValueError", "no", None, "call"), True),
        (Raised("ValueError", "no", 3, "call"), Raised("ValueError", "yes", 3, "call"), False),
        (Died("SIGKILL", "call"), Died("SIGKILL", "call"), False),
    ],
)
def test_answers_agree(one, other, agree):
    assert same(one, other) is agree
