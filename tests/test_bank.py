"""The bank of mistakes is data: these tests keep it readable, buildable and wrong."""

import ast
import json
import math
import re
import textwrap
import warnings
from functools import cache
from types import CodeType, ModuleType
from typing import Any

import pytest
import torch
import torch.nn as nn

from graders.checks.bank import BankError, Entry, Mistake, load

BANK = load("conditional_vae")
TASKS = (
    "encoder_dims",
    "decoder_dims",
    "encode",
    "reparameterize",
    "decode",
    "reconstruction_loss",
    "kl_loss",
    "training",
)
# What a task computes without chance, so that two submissions can be compared number by number.
COMPARED = ("encoder_dims", "decoder_dims", "encode", "decode", "reconstruction_loss", "kl_loss")
BANNED = re.compile(
    r"\b(just|simply|simple|obvious(ly)?|easy|easily|trivial(ly)?|clearly|of course|silly|stupid|careless)\b", re.I
)
BATCH, LATENT = 7, 5


def by_id(entry: Entry) -> str:
    return entry.id


@cache
def code_of(source: str) -> CodeType:
    return compile(source.encode(), "submission", "exec")


# ------------------------------------------------------------------------------------------- the text of the entries


def test_the_bank_is_large_and_covers_every_task():
    assert len(BANK.mistakes) >= 160
    assert {entry.task for entry in BANK.mistakes} == set(TASKS)
    assert sum("mutation" in entry.seen or "thought of" in entry.seen for entry in BANK.mistakes) >= 50


def test_mistakes_are_ordered_by_task():
    order = [TASKS.index(entry.task) for entry in BANK.mistakes]
    assert order == sorted(order)


def test_few_mistakes_cost_more_than_one_task():
    assert sum(bool(entry.also) for entry in BANK.mistakes) < 0.02 * len(BANK.mistakes)


def test_a_group_has_members_of_one_task():
    for name, members in BANK.groups.items():
        assert len(members) > 1, name
        assert len({entry.task for entry in members}) == 1, name


@pytest.mark.parametrize("entry", [*BANK.mistakes, *BANK.variants, *BANK.ambiguous], ids=by_id)
def test_entry_builds_and_differs(entry):
    source = entry.source(BANK.reference)
    assert code_of(source)
    assert source != Entry(id="nothing", task="kl_loss").source(BANK.reference)
    assert "### " not in source
    assert "#:" not in source


def test_mistakes_say_where_they_were_seen():
    known = re.compile(r"catalogue|mutation: \w+|thought of")
    assert [entry.id for entry in BANK.mistakes if not known.search(entry.seen)] == []


def solution_expressions() -> set[str]:
    """Every expression of the solution regions that is more than a name or a number, without its blanks."""
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", BANK.reference, re.DOTALL)
    code = [textwrap.dedent(re.sub(r"(?m)^ *#:.*\n", "", region)).rstrip() for region in regions]
    nodes = [node for part in code for node in ast.walk(ast.parse(part)) if isinstance(node, ast.expr)]
    wordy = [node for node in nodes if not isinstance(node, ast.Name | ast.Constant)]
    return {re.sub(r"\s", "", ast.unparse(node)) for node in wordy}


EXPRESSIONS = solution_expressions()


GIVEAWAY = re.compile(
    r"\d|[`=()\[\]*/_]|\btorch\.\w|\bself\.|\b(dim|cat|randn|rsample|reduction|num_classes|latent_dim)\b"
)


def test_hints_give_nothing_away():
    blank = re.compile(r"\s")
    told = {entry.id for entry in BANK.mistakes if GIVEAWAY.search(entry.hint)}
    copied = {entry.id for entry in BANK.mistakes for code in EXPRESSIONS if code in blank.sub("", entry.hint)}
    assert told | copied == set()


def test_hints_are_short_and_kind():
    assert [entry.id for entry in BANK.mistakes if BANNED.search(entry.hint)] == []
    assert [entry.id for entry in BANK.mistakes if len(re.findall(r"[.?!](?:\s|$)", entry.hint)) not in (1, 2)] == []
    assert [entry.id for entry in BANK.mistakes if not 20 <= len(entry.hint) <= 160] == []
    assert [entry.id for entry in BANK.mistakes if entry.hint[-1] not in ".?" or entry.symptom[-1] != "."] == []


def test_a_group_has_one_hint():
    assert [name for name, members in BANK.groups.items() if len({entry.hint for entry in members}) > 1] == []


# ------------------------------------------------------------------------------------------- what the entries compute


def imported(source: str) -> ModuleType:
    module = ModuleType("submission")
    exec(code_of(source), module.__dict__)
    return module


def instance(module: ModuleType, latent_dim: int) -> Any:
    """A model on which a broken constructor leaves no trace."""
    try:
        return module.SimpleCVAE(latent_dim=latent_dim)
    except Exception:
        model = module.SimpleCVAE.__new__(module.SimpleCVAE)
        nn.Module.__init__(model)
        model.latent_dim, model.num_classes = latent_dim, 10
        return model


@cache
def shapes(source: str) -> list[dict[str, list[int]]]:
    """Parameter shapes at four latent sizes, of models made one after the other without filling them."""
    module, found = imported(source), []
    for latent_dim in (2, 5, 16, 64):
        with torch.device("meta"):
            model = module.SimpleCVAE(latent_dim=latent_dim)
        found.append({name: list(parameter.shape) for name, parameter in model.named_parameters()})
    return found


def widths(source: str, task: str) -> list[Any]:
    decoder = task == "decoder_dims"
    return [str([item for item in found.items() if ("dec" in item[0]) == decoder]) for found in shapes(source)]


@cache
def layers_of(method: str) -> dict[str, nn.Linear]:
    encoder = {"encoder_fc1": (794, 256), "encoder_fc2": (256, 128), "fc_mu": (128, LATENT), "fc_logvar": (128, LATENT)}
    decoder = {"decoder_fc1": (LATENT + 10, 128), "decoder_fc2": (128, 256), "decoder_fc3": (256, 784)}
    torch.manual_seed(4)
    layers = {name: nn.Linear(*size) for name, size in (encoder if method == "encode" else decoder).items()}
    for layer in layers.values():
        nn.init.normal_(layer.weight, std=1.5 * layer.in_features**-0.5)
    return layers


def half(module: ModuleType, method: str) -> list[Any]:
    """Outputs, inputs afterwards and gradients of one half, on layers of the test's own."""
    with torch.device("meta"):
        model = instance(module, LATENT)
    layers = layers_of(method)
    for name, layer in layers.items():
        setattr(model, name, layer)
    torch.manual_seed(3)
    source = (torch.rand(BATCH, 784) if method == "encode" else torch.randn(BATCH, LATENT)).requires_grad_()
    handed = [source * 1.0, torch.eye(10)[torch.tensor([3, 1, 4, 1, 5, 9, 2])]]
    answer = getattr(model, method)(*handed)
    outputs = list(answer) if isinstance(answer, tuple) else [answer]
    total = sum((output * torch.linspace(1, 2, output.numel()).view_as(output)).sum() for output in outputs)
    wanted = [source, *(parameter for layer in layers.values() for parameter in layer.parameters())]
    gradients = torch.autograd.grad(total, wanted, allow_unused=True) if total.requires_grad else []
    return [*outputs, handed[0], *gradients]


def loss(module: ModuleType, term: str) -> list[Any]:
    """One term's gradients and how the loss changes with it, or the value of both terms as it is."""
    torch.manual_seed(25)
    original, guess = torch.rand(2, BATCH, 31).unbind()
    reconstruction = (0.05 + 0.9 * guess).requires_grad_()
    mu, logvar = (torch.randn(BATCH, LATENT).requires_grad_() for _ in range(2))
    grey, prior = torch.full_like(original, 0.5), torch.zeros_like(mu)
    value = module.cvae_loss(reconstruction * 1.0, original, mu * 1.0, logvar * 1.0)
    if term == "both" or not isinstance(value, torch.Tensor) or not value.requires_grad:
        return [value]
    flat = module.cvae_loss(reconstruction, original, prior, prior)  # the KL is zero at the prior
    if term == "kl_loss":
        gradients = torch.autograd.grad(value.mean(), [mu, logvar], allow_unused=True)
        return [(value.mean() - flat.mean()).detach(), *gradients]
    gradients = torch.autograd.grad(value.mean(), [reconstruction], allow_unused=True)
    return [(flat.mean() - module.cvae_loss(grey, original, prior, prior).mean()).detach(), *gradients]


def sampled(module: ModuleType) -> list[Any]:
    """Three draws with one seed, and the gradients of the first."""
    torch.manual_seed(6)
    mu, logvar = (torch.randn(2, BATCH, LATENT) * 1.5).requires_grad_().unbind()
    torch.manual_seed(7)
    model = instance(module, LATENT)
    handed = [mu * 1.0, logvar * 1.0]
    z = model.reparameterize(*handed)
    gradients = torch.autograd.grad(z.sum(), [mu, logvar], allow_unused=True) if z.requires_grad else []
    more = [model.reparameterize(mu * 1.0, logvar * 1.0) for _ in range(2)]
    return [z, *more, *handed, *gradients]


def computed(source: str, task: str) -> list[Any]:
    """What a submission computes in a task; an exception is its type and text."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            if task.endswith("dims"):
                return widths(source, task)
            module = imported(source)
            if task.endswith("loss") or task == "both":
                return loss(module, task)
            return sampled(module) if task == "reparameterize" else half(module, task)
        except Exception as error:
            return [f"{type(error).__name__}: {error}"]


@cache
def computed_by(entry: Mistake | None, task: str) -> list[Any]:
    return computed(BANK.reference if entry is None else entry.source(BANK.reference), task)


def same(one: list[Any], other: list[Any]) -> bool:
    def equal(a: Any, b: Any) -> bool:
        if not (isinstance(a, torch.Tensor) and isinstance(b, torch.Tensor)):
            return type(a) is type(b) and a == b
        alike = a.shape == b.shape and a.dtype == b.dtype and a.requires_grad == b.requires_grad
        return alike and (torch.equal(a, b) or torch.allclose(a, b, rtol=1e-4, atol=1e-6, equal_nan=True))

    return len(one) == len(other) and all(map(equal, one, other))


def all_of(entry: Mistake | None, task: str) -> list[Any]:
    return computed_by(entry, task) + (computed_by(entry, "both") if task.endswith("loss") else [])


@pytest.mark.parametrize("entry", [entry for entry in BANK.mistakes if entry.task in COMPARED], ids=by_id)
def test_mistake_computes_something_else(entry):
    assert not same(all_of(entry, entry.task), all_of(None, entry.task))


@pytest.mark.parametrize("entry", BANK.mistakes, ids=by_id)
def test_mistake_leaves_other_tasks_alone(entry):
    others = [task for task in COMPARED if task != entry.task]
    assert {task for task in others if not same(computed_by(entry, task), computed_by(None, task))} == set(entry.also)


@pytest.mark.parametrize("task", [*COMPARED, "reparameterize"])
def test_groups_are_what_computes_the_same(task):
    entries = [entry for entry in BANK.mistakes if entry.task == task]
    pairs = [(one, other) for i, one in enumerate(entries) for other in entries[:i]]
    alike = {(one.id, other.id) for one, other in pairs if same(all_of(one, task), all_of(other, task))}
    grouped = {(one.id, other.id) for one, other in pairs if one.group and one.group == other.group}
    frozen = {entry.id for entry in BANK.groups["noise_frozen"]}  # the same mistake, though the numbers differ
    assert alike == {pair for pair in grouped if not frozen & set(pair)}


def flaws_of_sampling(module: ModuleType) -> str:
    """What is wrong with a sampler; empty for a right one. Bounds hold for right code but for one run in 1e9."""
    torch.manual_seed(8)
    model = instance(module, LATENT)
    mu, logvar = (torch.randn(2, 23, LATENT) * 1.5).requires_grad_().unbind()
    handed = [mu * 1.0, logvar * 1.0]
    z = model.reparameterize(*handed)
    if not isinstance(z, torch.Tensor) or z.shape != mu.shape or z.dtype != mu.dtype:
        return "shape or type"
    if not all(map(torch.equal, handed, [mu, logvar])):
        return "inputs changed"
    if not z.requires_grad:
        return "no gradient"
    gradients = torch.autograd.grad(z.sum(), [mu, logvar], allow_unused=True)
    for gradient, wanted in zip(gradients, [torch.ones_like(mu), 0.5 * (z - mu)], strict=True):
        if gradient is None or not torch.allclose(gradient, wanted, rtol=1e-4, atol=1e-5):
            return "gradient"

    calls, rows, columns = 8, 512, 16
    nought = torch.zeros(rows, columns)
    model = instance(module, columns)
    noise = torch.stack([model.reparameterize(nought, nought) for _ in range(calls)]).double().detach()

    def far(mean: torch.Tensor, count: int) -> bool:
        return bool(((mean * math.sqrt(count)).abs() > 6.9).any())

    squares = noise.square() - 1
    ordered = noise.flatten().sort().values
    steps = torch.arange(noise.numel() + 1) / noise.numel()
    bell = torch.special.ndtr(ordered)
    distance = torch.maximum((bell - steps[:-1]).abs().max(), (bell - steps[1:]).abs().max())
    lagged = [(noise[1:] * noise[:-1]), (noise[:, 1:] * noise[:, :-1]), (noise[..., 1:] * noise[..., :-1])]
    halves = noise[:, : rows // 2] * noise[:, rows // 2 :]
    energy = (squares.sum(dim=2).square() / (2 * columns)).mean()
    tests = {
        "mean": far(noise.mean(), noise.numel()),
        "variance": far(squares.mean() / 2**0.5, noise.numel()),
        "shape": bool(distance > 0.01345),
        "columns": far(noise.mean(dim=(0, 1)), calls * rows),
        "rows": bool((noise.mean(dim=1).square().mean() * rows - 1).abs() > 0.9),
        "lags": any(far(lag.mean(), lag.numel()) for lag in lagged),
        "halves": far(halves.mean(), halves.numel()),
        "row lengths": bool((energy - 1).abs() > 0.35),
        "repeats": noise.float().unique().numel() < 0.9 * noise.numel(),
    }
    return ", ".join(name for name, wrong in tests.items() if wrong)


@pytest.mark.parametrize("entry", [entry for entry in BANK.mistakes if entry.task == "reparameterize"], ids=by_id)
def test_sampling_mistake_has_a_flaw(entry):
    module = imported(entry.source(BANK.reference))
    try:
        flaws = flaws_of_sampling(module)
    except Exception as error:
        flaws = type(error).__name__
    assert flaws


def test_reference_sampling_has_no_flaw():
    assert flaws_of_sampling(imported(BANK.reference)) == ""


# ------------------------------------------------------------------------------------------- the loader

MANIFEST = 'reference = "m.py"\n[[task]]\nid = "one"\n[[task]]\nid = "two"\n'
REFERENCE = """import math


def f(x):
    # TODO (one): Double it
    ### BEGIN SOLUTION
    #: y = ...
    y = 2 * x
    ### END SOLUTION
    return y + 1


# TODO (two): Nothing to fill in
last = 1
"""
ENTRY = {"id": "a", "task": "one", "symptom": "s.", "hint": "h", "solution": "y = x"}


@pytest.fixture
def load_entries(tmp_path):
    def write(*entries: dict[str, Any], name: str = "mistakes.toml", table: str = "mistake") -> Any:
        for folder in ("graders/a", "reference/a"):
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
        (tmp_path / "graders/a/assignment.toml").write_text(MANIFEST)
        (tmp_path / "reference/a/m.py").write_text(REFERENCE)
        lines = [f"[[{table}]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in e.items()) for e in entries]
        (tmp_path / "graders/a" / name).write_text("\n".join(lines))
        return load("a", tmp_path / "graders", tmp_path / "reference")

    def toml(value: Any) -> str:
        return json.dumps(value)

    return write


def test_source_is_the_reference_with_the_entry_in_place(load_entries):
    bank = load_entries(
        ENTRY | {"solution": "if x:\n    y = x\n", "replace": [["+ 1", "+ 3"]], "before": "A = 1", "after": "B = 2"}
    )
    assert (
        bank.mistakes[0].source(bank.reference)
        == """import math


A = 1


def f(x):
    # TODO (one): Double it
    if x:
        y = x
    return y + 3


# TODO (two): Nothing to fill in
last = 1


B = 2
"""
    )


def test_an_assignment_may_have_no_bank_yet(load_entries):
    bank = load_entries()
    assert (bank.mistakes, bank.variants, bank.ambiguous) == ((), (), ())


def test_ambiguous_entries_carry_their_policy(load_entries):
    entry = {"id": "a", "task": "one", "policy": "p", "accepted": True, "replace": [["+ 1", "- 1"]]}
    assert load_entries(entry, name="ambiguous.toml", table="ambiguous").ambiguous[0].accepted is True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hint": ""}, "mistakes.toml, a: missing field hint"),
        ({"task": "three"}, "unknown task three; known are one, two"),
        ({"also": ["three"]}, "unknown task three"),
        ({"id": "Not Snake"}, "snake_case"),
        ({"id": "a" * 41}, "40 characters"),
        ({"colour": "red"}, "unknown field colour"),
        ({"solution": 3}, "solution must be a str"),
        ({"replace": ["y"]}, "list of \\[old, new\\]"),
        ({"replace": [["z", "y"]]}, "a: the reference has 'z' 0 times, not once"),
        ({"replace": [["x", "y"]]}, "a: the reference has 'x' 2 times, not once"),
        ({"task": "two"}, "no solution region for task 'two'"),
    ],
)
def test_a_broken_entry_is_named(load_entries, change, message):
    with pytest.raises(BankError, match=message):
        load_entries(ENTRY | change)


def test_an_entry_must_differ_somewhere(load_entries):
    with pytest.raises(BankError, match="missing field solution, replace, before or after"):
        load_entries({key: value for key, value in ENTRY.items() if key != "solution"})


def test_an_id_is_used_once(load_entries):
    with pytest.raises(BankError, match="used for more than one entry: a"):
        load_entries(ENTRY, ENTRY)


def test_a_stray_table_is_named(load_entries):
    with pytest.raises(BankError, match="found variant"):
        load_entries(ENTRY, table="variant")
