"""`cvaekit audit` says what the checks accept and reject, and does not keep quiet about what is wrong."""

import json
from typing import Any

import pytest
from commands import cvaekit
from shipped import KIT

from cvaekit.audit.audit import Audit, run
from cvaekit.audit.untouched_tasks import untouched
from cvaekit.bank import Ambiguous, Entry, Mistake, Variant, chosen, load, unknown

BANK = load(KIT.assignment("conditional_vae"))
KL = "kl_loss = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())"


@pytest.fixture
def audited(assignment, session):
    """Audit the given entries."""

    def audited(*entries):
        audit = Audit(assignment, complete=False)
        for _ in run(audit, entries, session, jobs=2, thorough=False):
            pass
        return audit

    return audited


def entry(kind, solution, task="kl_loss", **more):
    about: dict[type[Entry], dict[str, Any]] = {
        Mistake: {"symptom": "s", "hint": "h"},
        Ambiguous: {"policy": "p", "accepted": True},
        Variant: {},
    }
    return kind(id="tried", task=task, solution=solution, **(about[kind] | more))


def test_a_mistake_is_killed_in_its_task_and_diagnosed(audited):
    [found] = audited(next(entry for entry in BANK.mistakes if entry.id == "kl_sign")).verdicts
    assert found.killed_by
    assert found.alone
    assert (found.elsewhere, found.diagnosed, found.problem) == ([], "its group", None)


WRONG = {
    "a mistake that is none": (entry(Mistake, KL), "survives"),
    "a mistake that costs more than its task": (
        entry(Mistake, "kl_loss = 0.0\nrecon_loss = 2 * recon_loss"),
        "loses points in reconstruction_loss too",
    ),
    "a mistake that looks like another": (
        entry(Mistake, KL.replace("-0.5 *", "-1.0 *")),
        "is diagnosed as another mistake",
    ),
    "a variant that is wrong": (entry(Variant, KL.replace("0.5", "0.7")), "is right, and loses points in kl_loss"),
    "an accepted answer that is wrong": (
        entry(Ambiguous, KL.replace("0.5", "0.7")),
        "is right, and loses points in kl_loss",
    ),
    "a rejected answer that is right": (entry(Ambiguous, KL, accepted=False), "survives"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said(audited, name):
    tried, problem = WRONG[name]
    audit = audited(tried)
    assert problem in audit.verdicts[0].problem
    assert audit.problems == [f"{audit.verdicts[0].kind} tried (kl_loss) {audit.verdicts[0].problem}."]


def test_a_check_without_kills_of_its_own_is_listed(audited):
    audit = audited(*(entry for entry in BANK.mistakes if entry.id in ("kl_sign", "kl_mean_dropped")))
    assert "kl_loss.zero_at_prior" in {check.id for check in audit.redundant}
    killers = {check.id: check.kills for check in audit.checks.values() if check.kills}
    assert killers["kl_loss.value"] == ["kl_sign", "kl_mean_dropped"]


def test_too_few_diagnoses_are_a_problem(audited):
    audit = audited(entry(Mistake, KL.replace("0.5", "0.77")))
    audit.complete = True
    assert audit.problems == ["Only 0 of 1 mistakes are diagnosed; at least 90% should be."]


BEHAVIOUR = {"encoder_dims", "decoder_dims", "encode", "reparameterize", "decode", "reconstruction_loss", "kl_loss"}
LOSSES = {"reconstruction_loss", "kl_loss"}
REACH: dict[str, tuple[dict[str, Any], set[str]]] = {
    "nothing": ({}, {"training"} | BEHAVIOUR),
    "a loss": ({"kl_loss": KL.replace("0.5", "0.7")}, BEHAVIOUR - LOSSES),
    "a method": ({"encode": "combined = 0"}, BEHAVIOUR - {"encode"}),
    "the constructor": ({"decoder_dims": "pass"}, LOSSES),
    "a method, and a helper with a new name": (
        {"encode": "combined = glue(x)", "before": "import math\nWIDTH = 7\ndef glue(x):\n    return x"},
        BEHAVIOUR - {"encode"},
    ),
    "code that runs as a script only": (
        {"kl_loss": "kl_loss = 0", "after": "if __name__ == '__main__':\n    main()"},
        BEHAVIOUR - LOSSES,
    ),
    "a name that the reference uses": ({"encode": "pass", "before": "def relu(x):\n    return x"}, set()),
    "a call at import": ({"encode": "pass", "before": "import torch\ntorch.manual_seed(3)"}, set()),
    "a decorated helper": ({"encode": "pass", "before": "@torch.no_grad()\ndef glue(x):\n    return x"}, set()),
    "a class that computes": ({"encode": "pass", "before": "class A:\n    x = torch.manual_seed(3)"}, set()),
    "an annotation that computes": ({"encode": "pass", "before": "def f(x: torch.manual_seed(3)):\n    pass"}, set()),
    "a default that computes": ({"encode": "pass", "before": "def f(x=torch.manual_seed(3)):\n    pass"}, set()),
    "an assignment that computes": ({"encode": "pass", "before": "WIDTH = print(7)"}, set()),
    "everything of a module": ({"encode": "pass", "before": "from math import *"}, set()),
    "the base class": ({"encode": "pass", "replace": [["SimpleCVAE(nn.Module)", "SimpleCVAE(nn.Sequential)"]]}, set()),
    "a new method": (
        {"encode": "pass", "replace": [["    def decode(", "    def eval(self):\n        pass\n\n    def decode("]]},
        set(),
    ),
    "a decorated function": (
        {"kl_loss": "kl_loss = 0", "replace": [["def cvae_loss", "@torch.no_grad()\ndef cvae_loss"]]},
        BEHAVIOUR - LOSSES,
    ),
}


@pytest.mark.parametrize("what", REACH)
def test_left_out_is_what_runs_the_reference_s_own_code(assignment, what):
    parts, left = REACH[what]
    parts = dict(parts)
    task = next((name for name in parts if name in BEHAVIOUR), "kl_loss")
    tree = Entry(id="e", task=task, solution=parts.pop(task, KL), **parts).tree(BANK.reference)
    assert untouched(tree, assignment) == left


def test_names_choose_tasks_and_entries(assignment):
    names = [entry.id for entry in chosen(BANK, ["kl_sign", "training"])]
    assert "kl_sign" in names
    assert {entry.task for entry in chosen(BANK, ["training"])} == {"training"}
    assert len(chosen(BANK, [])) == len(BANK.mistakes) + len(BANK.variants) + len(BANK.ambiguous) + len(BANK.nothing)
    assert unknown(BANK, assignment, ["kl_sing", "kl_sign", "training"]) == {"kl_sing"}


def test_the_command_writes_tables_json_and_a_page(tmp_path):
    done = cvaekit("audit", "kl_sign", "bce_bernoulli", "--json", "audit.json", "--html", "audit.html", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "kl_sign" in done.stdout
    assert "✓ Nothing to mend." in done.stdout
    table = json.loads((tmp_path / "audit.json").read_text())
    assert table["schema"] == "cvaekit.audit/1"
    assert table["passed"] is True
    assert {row["alarms"] for row in table["false_alarms"]} == {0}
    assert [found["id"] for found in table["entries"]] == ["kl_sign", "bce_bernoulli"]
    page = (tmp_path / "audit.html").read_text()
    assert "Nothing to mend." in page
    assert "<code>bce_bernoulli</code>" in page


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["kl_sing"], "no entry and no task is called kl_sing"),
        (["explore_cvae"], "explore_cvae is an assignment; write --assignment explore_cvae"),
        (["--json", "nowhere/a.json"], "no folder nowhere"),
    ],
)
def test_wrong_usage_is_refused_before_anything_is_graded(tmp_path, arguments, reason):
    done = cvaekit("audit", *arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert reason in done.stderr
