"""Single slips in right code: which are made, and which of them a grader's checks let pass."""

import ast
import json
import textwrap

import pytest
import small_kit
from commands import cvaekit
from shipped import KIT

from cvaekit.audit import equivalent_mutants
from cvaekit.audit.mutants import draw, every_mutation, grade
from cvaekit.audit.mutation_kinds import KINDS
from cvaekit.audit.mutations import mutations
from cvaekit.bank import BankError
from cvaekit.grading.session import Session

REFERENCE = KIT.assignment("thickness_cvae")

# Kind -> the statements of a function of x and y, and what becomes of those that change
MADE = {
    "operator exchanged": ("return x * y + 1", ["return x * y - 1", "return x / y + 1"]),
    "sign changed": ("z = -x\nreturn z", ["z = x", "return -z"]),
    "constant changed": (
        "return f(x, 2, 0.5, 1e-8, True)",
        [f"return f(x, {rest})" for rest in ("3, 0.5, 1e-08, True", "1, 0.5, 1e-08, True", "2, 1.0, 1e-08, True")]
        + ["return f(x, 2, 0.5, 0.0, True)", "return f(x, 2, 0.5, 1e-08, False)"],
    ),
    "other axis": ("return x.sum(dim=1) - x.sum(dim=-1)", [
        "return x.sum(dim=0) - x.sum(dim=-1)", "return x.sum(dim=1) - x.sum(dim=0)",
    ]),
    "arguments exchanged": ("return torch.cat([x, y], f(1, 2)) + max(x, y)", [
        "return torch.cat(f(1, 2), [x, y]) + max(x, y)",
        "return torch.cat([y, x], f(1, 2)) + max(x, y)",
        "return torch.cat([x, y], f(2, 1)) + max(x, y)",
    ]),
    "results exchanged": ("return x, y", ["return (y, x)"]),
    "keyword dropped": ("return x.mean(dim=1, keepdim=True, dtype=y.dtype)", [
        "return x.mean(keepdim=True, dtype=y.dtype)", "return x.mean(dim=1, dtype=y.dtype)",
    ]),
    "term dropped": ("return x * y - 1", ["return x * y", "return -1", "return x - 1", "return y - 1"]),
    "name exchanged": ("z = f(x)\nreturn z", ["z = f(y)", "return x", "return y"]),
    "function exchanged": ('return f(x.sum(), reduction="sum")', [
        "return f(x.mean(), reduction='sum')", "return f(x.sum(), reduction='mean')",
    ]),
    "clamp added": ("z = x + y\nreturn z", [
        f"x = x.clamp({limit}); z = x + y"
        for limit in ("min=-28.8", "max=28.8", "min=-24.0", "max=24.0", "min=-15.0", "max=15.0", "min=-6.0", "max=6.0")
    ]),
    "detach added": ("z = f(x)\nreturn z", ["z = f(x).detach()", "z = f(x.detach())", "return z.detach()"]),
    "argument overwritten": ("return f(x)", ["return (f(x), x.zero_())[0]", "return (f(x), y.zero_())[0]"]),
    "call dropped": ("return torch.relu(x).pow(2) + float(y)", [
        "return torch.relu(x) + float(y)", "return x.pow(2) + float(y)",
    ]),
    "statement dropped": ("x = f(x)\nif y:\n    y += 1\nx.step()\nz = 1\nreturn z", ["pass"] * 4),
    "comparison turned": ("return x < y if x and not y else 0", [
        "return 0 if x and (not y) else x < y",
        "return x < y if x or not y else 0",
        "return x < y if x and y else 0",
        "return x > y if x and (not y) else 0",
    ]),
}  # fmt: skip


def function(code):
    """A module with a function of x and y."""
    return ast.parse(f"def task(x, y):\n{textwrap.indent(code, '    ')}")


def test_every_kind_is_shown():
    assert list(MADE) == list(KINDS)


@pytest.mark.parametrize("kind", MADE)
def test_what_a_kind_makes(kind):
    code, lines = MADE[kind]
    found = mutations(function(code), ["task"], {"x": (-30.0, 30.0)})
    assert [mutation.lines[1] for mutation in found if mutation.kind == kind] == lines


def test_a_mutation_is_another_program_and_leaves_no_trace():
    tree = ast.parse(REFERENCE.reference_text)
    before = ast.dump(tree)
    for mutation in mutations(tree, ["tercile_cuts", "thickness_labels"], {"widths": (0, 7)}):
        with mutation.applied():
            assert ast.dump(ast.parse(ast.unparse(ast.fix_missing_locations(tree)))) != before
        assert ast.dump(tree) == before


@pytest.mark.parametrize(
    ("code", "kept"),
    [
        ('"""1 + 1 is 2."""\nreturn x + y', "1 + 1 is 2."),
        ("z: f(x - 1) = x + y\nreturn z", "z: f(x - 1)"),
        ("raise ValueError(x + 1)", "raise ValueError(x + 1)"),
        ("assert x > y, x + 1\nreturn x + y", "assert x > y, x + 1"),
        ("print(x, y + 1)\nreturn x + y", "print(x, y + 1)"),
        ("if x < 3:\n    raise ValueError\nreturn x + y", "if x < 3:\n        raise ValueError"),
        ("return f(x.shape[0], 1 + 1)", "x.shape["),
        ("return f(len(y), 1 + 1)", "len(y)"),
        ("return f(torch.randn_like(x, dtype=y.dtype), 3)", "_like(x, dtype=y.dtype)"),
    ],
)
def test_left_alone(code, kept):
    tree = function(code)
    for mutation in mutations(tree, ["task"]):
        if mutation.kind != "call dropped":
            with mutation.applied():
                assert kept in ast.unparse(ast.fix_missing_locations(tree))


REACHED = """
WIDTH = 3
UNUSED = 4
def helper(x):
    return x + WIDTH
def forgotten(x):
    return x + 1
class Model(Base):
    def __init__(self):
        self.one, self.other, self.size = layer(1), layer(2), 5
    def encode(self, x):
        return self.one(self.other(helper(x))) + self.size
    def plot(self):
        return 7 + 8
"""


def test_only_code_that_tasks_run_is_changed():
    found = list(mutations(ast.parse(REACHED), ["Model.encode"]))
    assert {mutation.symbol for mutation in found} == {"WIDTH", "helper", "Model.__init__", "Model.encode"}


def test_layers_are_exchanged_for_layers():
    found = mutations(ast.parse(REACHED), ["Model.encode"])
    names = [mutation.parts for mutation in found if mutation.kind == "name exchanged"]
    assert names == [("self.one", "self.other"), ("self.other", "self.one")]


# ------------------------------------------------------------------------------------------------------ drawing


def test_a_seed_draws_the_same_mutants_and_more_of_them():
    few, many, others = draw(REFERENCE, 20, seed=3), draw(REFERENCE, 40, seed=3), draw(REFERENCE, 20, seed=4)
    assert few.sample == many.sample[:20]
    assert len({mutant.text for mutant in many.sample}) == 40
    assert few.sample != others.sample


def test_mutants_are_judged_in_what_runs_their_code():
    tasks = {mutant.symbol: mutant.tasks for mutant in draw(REFERENCE, 80).sample}
    assert tasks["tercile_cuts"] == ("tercile_cuts",)
    assert tasks["ThicknessCVAE.__init__"] == ("encoder_dims", "decoder_dims", "encode", "decode")


def test_code_that_slow_tasks_run_alone_is_judged_when_asked_for():
    short, whole = draw(REFERENCE, 80), draw(REFERENCE, 80, thorough=True)
    assert short.unjudged > 0
    assert not any("training" in mutant.tasks for mutant in short.sample)
    assert whole.unjudged == 0
    assert any(mutant.tasks == ("training",) for mutant in whole.sample)


def test_names_choose_tasks_and_variants():
    assert {m.tasks for m in draw(REFERENCE, 20, names=["tercile_cuts"]).sample} == {("tercile_cuts",)}
    assert {m.where for m in draw(REFERENCE, 5, names=["labels_by_loop"]).sample} == {"variants.toml, labels_by_loop"}


# ------------------------------------------------------------------------------------------------- what survives

SURVIVORS = {"detach added", "argument overwritten"}  # of the small kit, whose check asks for neither
LISTED = "".join(f'[[equivalent]]\nsymbol = "double"\nkind = "{kind}"\nreason = "r"\n' for kind in SURVIVORS)


def graded(root, *edits, jobs=2, **options):
    found = draw(small_kit.write(root, edits).assignment("doubling"), 50, **options)
    with Session(found.assignment) as session:
        assert session.fault == ""
        list(grade(found, session, jobs=jobs))
    return found


def test_what_no_check_notices_survives_and_the_rest_does_not(tmp_path):
    found = graded(tmp_path)
    assert {outcome.mutant.kind for outcome in found.survivors} == SURVIVORS
    assert [outcome.mutant for outcome in found.outcomes] == found.sample
    killed = {outcome.mutant.new for outcome in found.outcomes if outcome.lost == {"double": 10}}
    assert {"y = 2 / x", "y = 3 * x", "y = x", "return x", "return -y"} <= killed
    weakened = graded(tmp_path / "weakened", ("graders/doubling/test_double.py", "close(y, 2 * x)", "len(y) == 7"))
    assert "y = 2 / x" in {outcome.mutant.new for outcome in weakened.survivors}


def listed(root, text):
    assignment = small_kit.write(root).assignment("doubling")
    (root / "graders/doubling" / equivalent_mutants.FILE).write_text(text)
    return assignment


def test_listed_equivalents_are_left_out(tmp_path):
    kinds = {mutant.kind for mutant in draw(listed(tmp_path, LISTED), 50).sample}
    assert kinds
    assert not kinds & SURVIVORS
    one = '[[equivalent]]\nold = "y = 2 * x"\nnew = "y = 3 * x"\nreason = "r"\n'
    lines = {mutant.new for mutant in draw(listed(tmp_path / "one", one), 50).sample}
    assert "y = 3 * x" not in lines
    assert "y = 1 * x" in lines
    part = '[[equivalent]]\nold = "2"\nnew = "3"\nreason = "r"\n'
    assert "y = 3 * x" not in {mutant.new for mutant in draw(listed(tmp_path / "part", part), 50).sample}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[equivalent]]\nnew = "x"\n', "the key equivalent.0.reason is missing"),
        ('[[equivalent]]\nreason = "r"\nsymbol = "double"\n', "an entry needs the key new, or symbol and kind"),
        ('[[equivalent]]\nreason = "r"\nnew = "x"\nkind = "slip"\n', "no kind 'slip'; kinds are operator exchanged"),
        ("[ranges]\nx = [0, 1]\n", "unknown key ranges; did you mean range?"),
    ],
)
def test_a_list_that_cannot_be_read(tmp_path, text, message):
    with pytest.raises(BankError, match=f"^equivalent_mutants.toml: .*{message}"):
        draw(listed(tmp_path, text), 1)


@pytest.mark.parametrize("name", KIT.names())
def test_what_is_listed_can_happen(name):
    """An entry that fits nothing speaks of code that is no more."""
    left = list(equivalent_mutants.load(KIT.assignment(name)).equivalent)
    for _, mutation in every_mutation(KIT.assignment(name)):
        left = [entry for entry in left if not entry.fits(mutation)]
    assert left == []


def test_the_command_lists_survivors(tmp_path):
    small_kit.write(tmp_path)
    done = cvaekit("audit", "--mutate", 40, "--kit", tmp_path, "--json", tmp_path / "mutants.json", "--jobs", 2)
    assert done.returncode == 1, done.stderr
    assert "reference/doubling/doubling.py" in done.stdout
    table = json.loads((tmp_path / "mutants.json").read_text())
    assert (table["schema"], table["passed"]) == ("cvaekit.mutants/1", False)
    assert {mutant["kind"] for mutant in table["mutants"] if mutant["survives"]} == SURVIVORS
    listed(tmp_path, LISTED)
    done = cvaekit("audit", "--mutate", 6, "--kit", tmp_path)
    assert done.returncode == 0, done.stdout
    assert "6 of 6 mutants lose points, 0 survive." in done.stdout
    assert "✓ Nothing to mend." in done.stdout
