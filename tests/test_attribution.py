"""A fault costs the task whose line it is in, though several tasks share a function."""

import pytest
from shipped import KIT

from cvaekit import bank
from cvaekit.submission import source
from cvaekit.submission.intake import Submission
from cvaekit.submission.isolation import isolated

MANIFEST = KIT.assignment("conditional_vae")
RIGHT = bank.solution(MANIFEST)
REC = 'recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="sum")'
KL = "kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())"
ENCODER = "self.encoder_fc1 = nn.Linear(784 + num_classes, 256)"

FAULTS = {
    "a name in the KL line": ({KL: "kl_loss = -0.5 * torch.sum(1 + logvarr)"}, {"kl_loss"}),
    "a name in a line before it": ({KL: "var = logvar.expp()\n    kl_loss = (mu.pow(2) + var).sum()"}, {"kl_loss"}),
    "over several lines": ({KL: "kl_loss = -0.5 * torch.sum(\n        1 + logvarr\n    )"}, {"kl_loss"}),
    "a name in the other line": ({REC: "recon_loss = F.no_such(reconstruction, original)"}, {"reconstruction_loss"}),
    "not a number": ({KL: "kl_loss = torch.sum(mu.pow(2) - torch.log(logvar))"}, {"kl_loss"}),
    "infinity": ({KL: f"{KL} + float('inf')"}, {"kl_loss"}),
    "a constant beside the KL": ({KL: f"{KL} - 1"}, {"kl_loss"}),
    "1 counted once for each image": (
        {KL: "kl_loss = -0.5 * torch.sum(1 + (logvar - mu.pow(2) - logvar.exp()).sum(1))"},
        {"kl_loss"},
    ),
    "a constant beside the other": ({REC: f"{REC} + 3"}, {"reconstruction_loss"}),
    "two faults": (
        {REC: REC.replace('"sum"', '"mean"'), KL: KL.replace("-0.5", "0.5")},
        {"reconstruction_loss", "kl_loss"},
    ),
    "a layer that cannot be made": ({ENCODER: "self.encoder_fc1 = nn.Linear(784 + classes, 256)"}, {"encoder_dims"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_costs_its_own_task(fault, grade):
    changes, lost = FAULTS[fault]
    text = RIGHT
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    report = grade(text)
    tasks = {task.id: task for task in report.tasks if task.id != "training"}
    assert {name for name, task in tasks.items() if task.score < task.max_score} == lost
    assert {name for name, task in tasks.items() if task.mistake} <= lost


def test_a_task_that_was_judged_alone_says_so(grade):
    tasks = {task.id: task for task in grade(RIGHT.replace(KL, "kl_loss = no_such_name")).tasks}
    assert tasks["reconstruction_loss"].notes == [
        "Judged without the lines of kl_loss: what is wrong there is not held against this task."
    ]
    assert tasks["kl_loss"].notes == []


def read(text):
    return source.read(Submission("x", "cvae.py", text.encode()), MANIFEST)


def test_lines_keep_their_numbers_and_what_only_feeds_a_term_goes_with_it():
    before = f"# ä\n    half = -0.5 * torch.ones(\n        ()\n    )\n    {KL.replace('-0.5', 'half')}"
    found = read(RIGHT.replace(KL, before))
    alone = isolated(found, MANIFEST, MANIFEST.task("reconstruction_loss"))
    assert alone is not None
    old, new = found.code.split("\n"), alone.code.split("\n")
    assert len(old) == len(new)
    changed = [line for line, other in zip(old, new, strict=True) if line != other]
    assert [line.strip().split(" = ")[0] for line in changed] == ["half", "()", ")", "kl_loss"]
    compile(alone.code, "cvae.py", "exec")


def test_without_the_names_of_the_starter_nothing_is_taken_out():
    text = RIGHT.replace(KL, "").replace("return recon_loss + kl_loss", f"return recon_loss + {KL.split(' = ')[1]}")
    assert isolated(read(text), MANIFEST, MANIFEST.task("reconstruction_loss")) is None
    assert isolated(read(RIGHT), MANIFEST, MANIFEST.task("encode")) is None
