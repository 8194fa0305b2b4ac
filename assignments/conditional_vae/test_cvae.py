"""Check the work on Exercise 3: run `pytest` in this folder, at any time.

Reads cvae.py, or cvae_starter.py where there is none, or the file that the environment variable CVAE_FILE names. Needs
torch and pytest, nothing else. Each task is judged on its own, in the order of the file: *not started* while its `...`
are still there, *begun* while some are, otherwise *right* or *wrong*, and if wrong, what was called, what came back and
what was wanted. A `...` that was left behind and that nothing reads is overlooked.

These checks ask for properties and for a few known values. The grader asks for more of the same.
"""

import ast
import copy
import functools
import gzip
import linecache
import os
import struct
import sys
import traceback
import types
from dataclasses import dataclass
from pathlib import Path

import pytest
import torch
from torch import nn

pytestmark = pytest.mark.filterwarnings("ignore")  # a warning costs nothing here

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Task:
    """One gap, or a few; `gaps` are the names that the starter leaves at `...` inside `symbol`."""

    id: str
    points: int
    symbol: str
    gaps: tuple
    hint: str


TABLE = """
encoder_dims | 10 | SimpleCVAE.__init__ | encoder_fc1
    Count everything that is glued together in front of the first encoder layer, not only the pixels.
decoder_dims | 10 | SimpleCVAE.__init__ | decoder_fc1
    The decoder also has to be told which digit to draw, and the size of the latent code is up to the caller.
encode | 10 | SimpleCVAE.encode | combined
    Every row should get longer by its own label; the number of rows stays what it was.
reparameterize | 20 | SimpleCVAE.reparameterize | std epsilon z
    One quantity shifts the noise and another one stretches it; the noise itself is drawn anew for every number.
decode | 10 | SimpleCVAE.decode | combined
    The decoder must work from the sampled code and the label together, row by row.
reconstruction_loss | 10 | cvae_loss | recon_loss
    The question per pixel is yes or no, and the answers of all pixels and images are added up.
kl_loss | 15 | cvae_loss | kl_loss
    The penalty is zero when the code already is standard normal, and never negative.
training | 15 | SimpleCVAE.forward |
    A loss that stops falling early means that no information travels through the latent code.
"""


def tasks(table):
    """The tasks of a table of two lines each: id, points, place and names; hint."""
    lines = table.strip().splitlines()
    for head, hint in zip(lines[::2], lines[1::2], strict=True):
        name, points, symbol, gaps = (part.strip() for part in head.split("|"))
        yield name, Task(name, int(points), symbol, tuple(gaps.split()), hint.strip())


TASKS = dict(tasks(TABLE))
STATES = {}  # task id -> "right", "wrong", "not started", "begun: ...", or why it waits; filled while the tests run
NOTES = []  # lines for the end of the summary


class Wrong(Exception):
    """A property that does not hold, told as call, answer, wish and hint."""

    def __init__(self, called, got, wanted, hint=None):
        self.called, self.got, self.wanted, self.hint = called, got, wanted, hint


class Waits(Exception):
    """A task that cannot be judged before something else is repaired."""


# ---------------------------------------------------------------- the file


class Work:
    """The student's file: its text, its gaps, and the module it makes. `problem` says why there is none."""

    def __init__(self):
        self.problem, self.tree, self.module = None, None, types.ModuleType("empty")
        self.path = self._find()
        if self.problem is None:
            self._read()
        if self.problem is None:
            try:
                self.module = self.run()
            except (Exception, SystemExit) as error:
                self.problem = f"{self.path.name} cannot be imported.\n{self.describe(error)}"
        if self.problem is None:
            self.problem = self._missing()

    def _find(self):
        if named := os.environ.get("CVAE_FILE"):
            path = Path(named).resolve()
        else:
            path = HERE / ("cvae.py" if (HERE / "cvae.py").is_file() else "cvae_starter.py")
        if not path.is_file():
            where = "CVAE_FILE names a file that is not there" if named else f"{HERE} has no cvae.py or cvae_starter.py"
            self.problem = f"Nothing to check: {where}."
        return path

    def _read(self):
        content = self.path.read_bytes()
        try:
            self.tree = ast.parse(content, str(self.path))
        except (SyntaxError, ValueError) as error:
            lines = content.decode("utf-8", errors="replace").splitlines()
            marks = [n for n, line in enumerate(lines, 1) if "???" in line.partition("#")[0]]
            number = marks[0] if marks else getattr(error, "lineno", None)
            shown = f", line {number}: {lines[number - 1].strip()}" if number and number <= len(lines) else ""
            why = "??? is not Python. Fill the gap, or write ... to leave it for later." if marks else f"{error}"
            self.problem = f"Python cannot read {self.path.name}{shown}\n{why}"

    def _missing(self):
        """What the starter defines and this file does not."""
        found = [n.name for n in self.tree.body if isinstance(n, (ast.ClassDef, ast.FunctionDef))]
        for name in ("SimpleCVAE", "cvae_loss"):
            if not self.has(name):
                return (
                    f"{self.path.name} has no {'class' if name == 'SimpleCVAE' else 'function'} {name}; "
                    f"it defines {', '.join(found) or 'nothing'}.\nThe names of the starter stay as they are."
                )
        return None

    def has(self, name):
        value = getattr(self.module, name, None)
        return isinstance(value, type) and issubclass(value, nn.Module) if name == "SimpleCVAE" else callable(value)

    def run(self, blank=()):
        """The module, made anew. Gaps of constructor and loss that are still open, or in `blank`, get a neutral value.

        So a gap in one place does not stop the others from being judged.
        """
        tree = copy.deepcopy(self.tree)
        for task in TASKS.values():
            neutral = {"SimpleCVAE.__init__": None, "cvae_loss": 0.0}
            if task.symbol not in neutral:
                continue
            for gap in task.gaps:
                for node in assignments(tree, task.symbol, gap):
                    if gap in blank or holds_ellipsis(node.value):
                        node.value = ast.copy_location(ast.Constant(neutral[task.symbol]), node.value)
        module = types.ModuleType(f"work_{self.path.stem}")
        module.__file__ = str(self.path)
        sys.modules[module.__name__] = module
        exec(compile(tree, str(self.path), "exec"), module.__dict__)
        return module

    def still_open(self, task):
        """None if the task can be judged, otherwise "not started", or which of its gaps are still open.

        A gap is open if its name is only ever given the placeholder. If nothing reads these names, it is no matter.
        """
        function = definition(self.tree, task.symbol)
        if function is None or not task.gaps:
            return None
        if all(map(says_nothing, function.body)):
            return "not started"
        found = {gap: list(assignments(self.tree, task.symbol, gap)) for gap in task.gaps}
        found = {gap: nodes for gap, nodes in found.items() if nodes}
        blank = {gap: nodes for gap, nodes in found.items() if all(holds_ellipsis(node.value) for node in nodes)}
        if not blank or not blank.keys() & (set(task.gaps) if function.name == "__init__" else reads(function)):
            return None
        if len(blank) == len(found):
            return "not started"
        lines = [str(node.value.lineno) for nodes in blank.values() for node in nodes]
        verb, word = ("is", "line") if len(lines) == 1 else ("are", "lines")
        return f"begun: {' and '.join(blank)} {verb} still ... ({word} {' and '.join(lines)})"

    def line(self, error):
        """The last line of the student's file that `error` passed through, or 0."""
        frames = traceback.extract_tb(error.__traceback__)
        return next((f.lineno for f in reversed(frames) if f.filename == str(self.path)), 0)

    def describe(self, error):
        """An exception in one or two lines."""
        text = (str(error).strip().splitlines() or [""])[0][:300]
        described = f"{type(error).__name__}: {text}" if text else type(error).__name__
        if number := self.line(error):
            linecache.checkcache(str(self.path))
            described += f"\nin line {number}: {linecache.getline(str(self.path), number).strip()}"
        return described

    def within(self, error, task):
        """Whether `error` passed through the statement that fills a gap of `task`."""
        number = self.line(error)
        nodes = [node for gap in task.gaps for node in assignments(self.tree, task.symbol, gap)]
        return any(node.lineno <= number <= node.end_lineno for node in nodes)

    def call(self, called, function, *arguments, wanted="an answer", hint=None):
        """The answer of `function`; an exception of the student's becomes a Wrong."""
        try:
            return function(*arguments)
        except Wrong:
            raise
        except (Exception, SystemExit) as error:
            raise Wrong(called, self.describe(error), wanted, hint) from None


def definition(tree, symbol):
    """The function `symbol`: the last one in the class that it names, or else the last one of its name."""
    outer, _, name = symbol.rpartition(".")
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == name]
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef) and node.name == outer]
    inside = [node for node in functions if classes and node in classes[-1].body]
    return (inside or functions or [None])[-1]


def names(node):
    """All names in a piece of code; `self.name` counts as name, and other attributes do not count."""
    parts = list(ast.walk(node))
    own = {part.attr for part in parts if isinstance(part, ast.Attribute) and ast.unparse(part.value) == "self"}
    return own | {part.id for part in parts if isinstance(part, ast.Name)}


def gives_value(node):
    """(targets, value) if `node` gives names a value, otherwise ([], None)."""
    if isinstance(node, ast.Assign):
        return node.targets, node.value
    if isinstance(node, (ast.AnnAssign, ast.AugAssign, ast.NamedExpr)) and node.value is not None:
        return [node.target], node.value
    return [], None


def assignments(tree, symbol, name):
    """Statements in the function `symbol` that give `name` (or self.`name`) a value."""
    for node in ast.walk(definition(tree, symbol) or ast.Module([], [])):
        if any(name in names(target) for target in gives_value(node)[0]):
            yield node


def reads(function):
    """The variables whose value is asked for anywhere in `function`."""
    parts = (node for node in ast.walk(function) if isinstance(node, ast.Name))
    return {node.id for node in parts if isinstance(node.ctx, ast.Load)}


def says_nothing(statement):
    """Whether a statement is a docstring, `...`, `pass` or `raise NotImplementedError`."""
    if isinstance(statement, ast.Raise):
        return "NotImplementedError" in names(statement)
    return isinstance(statement, ast.Pass) or (
        isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
    )


def holds_ellipsis(node):
    """Whether the placeholder `...` is in an expression; the dots of an index such as x[..., 0] are none."""
    if isinstance(node, ast.Subscript):
        return holds_ellipsis(node.value)
    return (isinstance(node, ast.Constant) and node.value is ...) or any(
        map(holds_ellipsis, ast.iter_child_nodes(node))
    )


# ---------------------------------------------------------------- what pytest shows


class Summary:
    """Prints one line for each task, and makes the exit code say whether all of them are right."""

    def __init__(self, work):
        self.work = work

    def pytest_sessionfinish(self, session):
        if any(state != "right" and not state.startswith("not run") for state in STATES.values()):
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        colours = {"right": "green", "wrong": "red"}
        terminalreporter.section(f"Exercise 3: {self.work.path.name}")
        for task in TASKS.values():
            state = STATES.get(task.id, "not run: not selected")
            line = f"{task.id:<21}{task.points:>3} points   {state}"
            terminalreporter.write_line(line, **{colours.get(state, "yellow"): True})
        right = [task for task in TASKS.values() if STATES.get(task.id) == "right"]
        terminalreporter.write_line(f"{len(right)} of {len(TASKS)} tasks right")
        for note in NOTES:
            terminalreporter.write_line(note)
        if self.work.problem:
            return terminalreporter.write_line(f"next: {self.work.problem.splitlines()[0]}")
        todo = [task for task in TASKS.values() if STATES.get(task.id, "not run").partition(":")[0] != "not run"]
        todo = [task for task in todo if STATES[task.id] != "right"]
        todo.sort(key=lambda task: STATES[task.id].partition(":")[0] not in ("wrong", "begun", "not started"))
        if todo:
            terminalreporter.write_line(f"next: {todo[0].id} ({todo[0].symbol})")
            terminalreporter.write_line(f"      {todo[0].hint}")
        return None


@pytest.fixture(scope="session", autouse=True)
def work(request):
    loaded = Work()
    request.config.pluginmanager.register(Summary(loaded))
    return loaded


def judged(test):
    """Turn a function that raises Wrong into a test of the task that it is named after."""
    task = TASKS[test.__name__.removeprefix("test_")]

    @functools.wraps(test)
    def wrapper(work):
        torch.manual_seed(20)
        torch.set_num_threads(1)  # these matrices are small; two threads on two busy cores are slower than one
        if work.tree is None or not work.has(task.symbol.partition(".")[0]):
            STATES[task.id] = "cannot be judged yet"
            pytest.skip(STATES[task.id])
        if unfilled := work.still_open(task):
            STATES[task.id] = unfilled
            pytest.skip(unfilled)
        STATES[task.id] = "wrong"
        try:
            test(work)
        except Wrong as wrong:
            parts = {"called": wrong.called, "got": wrong.got, "wanted": wrong.wanted, "hint": wrong.hint or task.hint}
            lines = [f"{name:<8}{text}".replace("\n", "\n        ") for name, text in parts.items()]
            raise pytest.fail.Exception("\n".join([task.id, *lines]), pytrace=False) from None
        except Waits as waits:
            STATES[task.id] = str(waits)
            pytest.skip(str(waits))
        STATES[task.id] = "right"

    return wrapper


# ---------------------------------------------------------------- inputs

LATENT_DIMS = (16, 2, 5, 64)
GIVEN = {  # inputs and outputs of the layers that the starter gives; None stands for the latent size
    "encoder_fc2": (256, 128),
    "fc_mu": (128, None),
    "fc_logvar": (128, None),
    "decoder_fc2": (128, 256),
    "decoder_fc3": (256, 784),
}


def images(batch):
    """(batch, 784) in [0, 1], mostly dark."""
    return (torch.rand(batch, 784) - 0.6).clamp(min=0) * 2.5


def onehots(batch):
    """(batch, 10) float32, every row another digit than the row before."""
    return torch.eye(10).roll(int(torch.randint(10, ())), dims=0).repeat(batch // 10 + 1, 1)[:batch]


def side_by_side(left, right):
    """Rows of `left`, each continued by its row of `right`. Plain numbers: no gradient gets through."""
    return torch.tensor([[*one, *other] for one, other in zip(left.tolist(), right.tolist(), strict=True)])


def shape(value):
    if isinstance(value, torch.Tensor):
        return f"a {str(value.dtype).replace('torch.', '')} tensor of shape {tuple(value.shape)}"
    if isinstance(value, (tuple, list)):
        return f"{len(value)} values: {', '.join(shape(item) for item in value[:3])}"
    return "None" if value is None else "the placeholder ..." if value is ... else f"a {type(value).__name__}"


def same(one, other, tolerance=1e-4):
    return one.shape == other.shape and bool(((one - other).abs() <= tolerance * (1 + other.abs())).all())


def model_with_layers(work, latent_dim):
    """A SimpleCVAE with random weights; layers of wrong widths are replaced, so a faulty constructor costs nothing."""
    model = work.module.SimpleCVAE.__new__(work.module.SimpleCVAE)
    nn.Module.__init__(model)
    try:
        model.__init__(latent_dim=latent_dim)
    except (Exception, SystemExit):
        if "_modules" not in vars(model):
            nn.Module.__init__(model)
        model.latent_dim, model.num_classes = latent_dim, 10
    label = onehots(1)
    first = {"encoder_fc1": (images(1), 256), "decoder_fc1": (torch.zeros(1, latent_dim), 128)}
    sizes = {name: (side_by_side(row, label).shape[1], outputs) for name, (row, outputs) in first.items()}
    sizes |= {name: (inputs, outputs or latent_dim) for name, (inputs, outputs) in GIVEN.items()}
    with torch.no_grad():
        for name, (inputs, outputs) in sizes.items():
            layer = getattr(model, name, None)
            if not isinstance(layer, nn.Linear) or (layer.in_features, layer.out_features) != (inputs, outputs):
                layer = nn.Linear(inputs, outputs)
                setattr(model, name, layer)
            layer.weight.copy_(torch.randn(outputs, inputs) * (2 / inputs) ** 0.5)
            if name in first:
                layer.weight[:, -10:] *= 4  # ten columns among hundreds would hardly be seen otherwise
    return model


# ---------------------------------------------------------------- the tests


def test_file(work):
    """The file can be imported and defines what the starter defines."""
    if work.problem:
        pytest.fail(work.problem, pytrace=False)


def widths(work, half, first, example):
    """What both tasks on widths ask: every layer of one half reads and writes rows of the right length."""
    other = TASKS["decoder_dims" if half == "encoder" else "encoder_dims"]
    mine = {"encoder": ("encoder_fc2", "fc_mu", "fc_logvar"), "decoder": ("decoder_fc2", "decoder_fc3")}[half]
    for latent_dim in LATENT_DIMS:
        called = f"SimpleCVAE(latent_dim={latent_dim})"
        model = None
        try:
            model = work.module.SimpleCVAE(latent_dim=latent_dim)
        except (Exception, SystemExit) as error:
            go_round = work.within(error, other)  # the other half's fault
            model_class = work.run(blank=other.gaps if go_round else ()).SimpleCVAE
        if model is None:
            model = work.call(called, functools.partial(model_class, latent_dim=latent_dim), wanted="a model")
        row, outputs, what = example(latent_dim)
        expected = {first: (row.shape[1], outputs)}
        expected |= {name: (GIVEN[name][0], GIVEN[name][1] or latent_dim) for name in mine}
        for name, (inputs, outputs) in expected.items():
            layer = getattr(model, name, None)
            if not callable(layer):
                raise Wrong(
                    called,
                    f"a model without a layer {name}",
                    "the layer names of the starter",
                    "Other code finds the layers by these names, so they stay as given.",
                )
            if isinstance(layer, nn.Module) and any(map(nn.parameter.is_lazy, layer.parameters())):
                wanted = "layers with weights to look at, as soon as the model is made"
                hint = "The width should be there before the first call. How long is a row that this layer reads?"
                raise Wrong(called, f"{name} is a {type(layer).__name__} without a width", wanted, hint)
            rows = row if name == first else torch.zeros(len(row), inputs)
            try:
                answer = layer(rows)
            except RuntimeError:
                has = getattr(layer, "in_features", "another number of")
                if name != first:
                    got = f"{name} takes {has} inputs, where the layer before it gives {inputs}"
                else:
                    relation = "" if isinstance(has, str) else ": too few" if has < inputs else ": too many"
                    got = f"{name} takes {has} inputs{relation} for {what}"
                raise Wrong(
                    called, got, f"a layer that can read {what}" if name == first else "the given widths"
                ) from None
            if not isinstance(answer, torch.Tensor) or tuple(answer.shape) != (len(row), outputs):
                raise Wrong(
                    called,
                    f"{name} turns {len(row)} rows into {shape(answer)}",
                    f"rows of {outputs}, as in the starter",
                    "The work belongs to the first layer of each half; the other widths were given.",
                )


@judged
def test_encoder_dims(work):
    what = "an image and its one-hot label together"
    widths(work, "encoder", "encoder_fc1", lambda latent: (side_by_side(images(3), onehots(3)), 256, what))


@judged
def test_decoder_dims(work):
    def example(latent_dim):
        what = f"a latent code of {latent_dim} numbers and a one-hot label together"
        return side_by_side(torch.randn(3, latent_dim), onehots(3)), 128, what

    widths(work, "decoder", "decoder_fc1", example)


def half(work, method, argument, returns, first, make):
    """What encode and decode have in common. `make(batch)` gives rows, and the width of an output row."""
    model = model_with_layers(work, 5)

    def ask(rows, labels):
        called = f"{method}({argument}, labels_onehot) with {argument} of shape {tuple(rows.shape)}"
        wanted = f"{' and '.join(returns)}, each of shape ({len(rows)}, {make(1)[1]})"
        answer = work.call(called, lambda: getattr(model, method)(rows, labels), wanted=wanted)
        outputs = list(answer) if isinstance(answer, (tuple, list)) else [answer]
        fits = [isinstance(o, torch.Tensor) and tuple(o.shape) == (len(rows), make(1)[1]) for o in outputs]
        if len(outputs) != len(returns) or not all(fits):
            raise Wrong(called, shape(answer), wanted)
        return outputs

    rows, labels = make(7)[0], onehots(7)
    called = f"{method}({argument}, labels_onehot)"

    def watch(layer, arguments):
        """Look at what the first layer is handed, before it complains about it."""
        if not arguments or not isinstance(arguments[0], torch.Tensor):
            return
        given, right = arguments[0].detach(), side_by_side(rows, labels)
        if given.numel() != right.numel():
            raise Wrong(called, f"{first} was handed {shape(given)}", f"rows of {argument}, each with its own label")
        given = given.reshape(len(rows), -1)
        if same(given, side_by_side(labels, rows)):
            raise Wrong(
                called,
                f"{first} was handed the label first",
                f"{argument} first, then the label",
                "Both are there. The order is a convention, and the handout fixes it.",
            )
        if not same(given, right):
            wanted = f"each row of {argument}, unchanged, and then its own label"
            raise Wrong(called, f"{first} was handed something else of the same length", wanted)

    hook = getattr(model, first).register_forward_pre_hook(watch)
    before = rows.clone(), labels.clone()
    outputs = ask(rows, labels)
    hook.remove()
    if not same(rows, before[0]) or not same(labels, before[1]):
        raise Wrong(called, "its inputs were overwritten", "inputs that are left as they came")
    again, relabelled = ask(rows, labels), ask(rows, labels.roll(3, dims=1))
    moved, alone = ask(make(7)[0], labels), ask(rows[2:3], labels[2:3])
    for number, name in enumerate(returns):
        output = outputs[number]
        if not same(output, again[number]):
            raise Wrong(
                f"{called}, twice with the same inputs",
                f"two different answers for {name}",
                "the same answer",
                "A layer that is made during a call is a new one each time.",
            )
        if same(output, relabelled[number]):
            wanted = "an answer that depends on the label"
            raise Wrong(f"{called} with two labels for the same {argument}", f"the same {name} twice", wanted)
        if same(output, moved[number]):
            wanted = f"an answer that depends on {argument}"
            raise Wrong(f"{called} with two different {argument}", f"the same {name} twice", wanted)
        if not same(alone[number], output[2:3], 1e-3):
            raise Wrong(
                f"{called} for one row, alone and within a batch",
                f"two different answers for {name}",
                "the same answer, whatever the other rows are",
                "Nothing that is done to one row should depend on its neighbours.",
            )
    ask(make(37)[0], onehots(37))
    leaf = make(4)[0].requires_grad_()
    total = sum(output.sum() for output in ask(leaf, onehots(4)))
    if not total.requires_grad:
        raise Wrong(f"backward through {called}", "no gradient at all", "gradients for the layers and the inputs")
    total.backward()
    for name, tensor in ((argument, leaf), (f"{first}.weight", getattr(model, first).weight)):
        if tensor.grad is None or not tensor.grad.any():
            wanted = f"gradients that reach {first} and {argument}"
            raise Wrong(f"backward through {called}", f"no gradient for {name}", wanted)
    return model, rows, labels, outputs


@judged
def test_encode(work):
    answer = half(work, "encode", "x", ("mu", "logvar"), "encoder_fc1", lambda batch: (images(batch), 5))
    model, rows, labels, (mu, logvar) = answer
    with torch.no_grad():
        for parameter in model.fc_mu.parameters():
            parameter.neg_()
        other_mu, other_logvar = model.encode(rows, labels)
    if not same(other_mu, -mu) or not same(other_logvar, logvar):
        raise Wrong(
            "encode with the sign of all weights of fc_mu turned round",
            "something else than the opposite mu and the same logvar",
            "mu and logvar straight from their own layers, of any sign",
            "Two answers need two heads, and a centre may lie on the left of zero.",
        )


@judged
def test_reparameterize(work):
    called = "reparameterize(mu, logvar)"

    def draw(mu, logvar):
        where = f"{called} with mu of shape {tuple(mu.shape)}"
        z = work.call(where, lambda: model.reparameterize(mu, logvar), wanted="z, shaped like mu")
        if not isinstance(z, torch.Tensor) or z.shape != mu.shape or z.dtype != mu.dtype:
            wanted = f"a {str(mu.dtype).replace('torch.', '')} tensor of shape {tuple(mu.shape)}"
            raise Wrong(where, shape(z), wanted, "The decoder reads z next: one number for each number in mu.")
        return z

    for latent_dim, batch in ((2, 4), (8, 1), (8, 37)):
        model = model_with_layers(work, latent_dim).train()
        draw(torch.randn(batch, latent_dim), torch.randn(batch, latent_dim))

    # Gradients: no luck is involved here.
    mu, logvar = torch.randn(37, 8, requires_grad=True), torch.randn(37, 8, requires_grad=True)
    inner = mu * 1.0, logvar * 1.0
    before = [tensor.detach().clone() for tensor in inner]
    z = draw(*inner)
    if not all(same(tensor.detach(), kept) for tensor, kept in zip(inner, before, strict=True)):
        raise Wrong(called, "mu or logvar was overwritten", "inputs that are left as they came")
    if not torch.isfinite(z).all():
        raise Wrong(called, "numbers that are not finite", "a finite z; logvar may well be negative")
    path = "The error must be able to travel back through the sample to both heads; which step cuts it off?"
    if not z.requires_grad:
        raise Wrong(f"backward through {called}", "no gradient at all", "gradients for mu and logvar", path)
    slopes = work.call(
        f"backward through {called}",
        lambda: torch.autograd.grad(z.sum(), (mu, logvar), allow_unused=True),
        wanted="gradients for mu and logvar",
        hint=path,
    )
    for name, slope in zip(("mu", "logvar"), slopes, strict=True):
        if slope is None or not slope.any():
            raise Wrong(f"backward through {called}", f"no gradient for {name}", "gradients for mu and logvar", path)
    if not same(slopes[0], torch.ones_like(mu)):
        raise Wrong(
            f"backward through {called}",
            "z does not move by the same amount as mu",
            "a sample that is shifted by mu: one step of mu is one step of z",
        )

    # Distribution: 4096 x 8 draws. A right answer leaves the bounds below less often than once in 10^9.
    mu = torch.linspace(-3, 3, 8).repeat(4096, 1)
    narrow = draw(mu, torch.full_like(mu, -20.0)) - mu
    if not narrow.abs().max() < 0.01:
        got = f"z up to {float(narrow.abs().max()):.3g} away from mu"
        raise Wrong(f"{called} with logvar = -20", got, "z very close to mu: hardly any variance is left")
    log4 = 1.3862944
    for value, spread in ((0.0, 1.0), (log4, 2.0), (-log4, 0.5)):
        where = f"{called} with a variance of {spread**2:g} (logvar = {value:.4g}), 32,768 numbers"
        moved = draw(mu, torch.full_like(mu, value)) - mu
        if not abs(float(moved.mean())) < 0.06 * spread:
            got = f"z lies {float(moved.mean()):+.3f} from mu on average"
            raise Wrong(where, got, "mu on average", "Is the noise as often negative as it is positive?")
        if not abs(float(moved.double().square().mean().sqrt()) / spread - 1) < 0.03:
            raise Wrong(
                where,
                f"a spread of {float(moved.std()):.3f}",
                f"a standard deviation of {spread:g}",
                "logvar is the logarithm of the variance; the noise is stretched by the standard deviation.",
            )
        if not 0.03 < float((moved.abs() > 2 * spread).float().mean()) < 0.062:
            wanted = "normal noise: about one number in 22 is more than two standard deviations away"
            raise Wrong(
                where, "noise of the right spread and another shape", wanted, "Which distribution was asked for?"
            )
    where = f"{called} with 4096 rows"
    if not len(moved.unique()) > 0.9 * moved.numel() / 2:
        wanted = "noise of its own for each number of each row"
        raise Wrong(where, f"only {len(moved.unique()):,} different numbers among {moved.numel():,}", wanted)
    again = draw(mu, torch.full_like(mu, -log4)) - mu
    if (again == moved).float().mean() > 0.1:
        raise Wrong(
            f"{called}, twice", "the same noise both times", "new noise in each call", "Draw it now, not earlier."
        )


@judged
def test_decode(work):
    answer = half(
        work, "decode", "z", ("the reconstruction",), "decoder_fc1", lambda batch: (torch.randn(batch, 5), 784)
    )
    outputs = answer[3]
    if not (outputs[0].min() >= 0 and outputs[0].max() <= 1):
        raise Wrong("decode(z, labels_onehot)", "numbers outside 0 to 1", "something to be read as a probability")


def loss(work, task, reconstruction, original, mu, logvar):
    """cvae_loss, one number; a part of it that raises is left out if it belongs to another task than `task`."""
    other = TASKS["kl_loss" if task == "reconstruction_loss" else "reconstruction_loss"]
    called = f"cvae_loss with {len(original)} images and latent codes of {mu.shape[1]} numbers"
    function = work.module.cvae_loss
    try:
        value = function(reconstruction, original, mu, logvar)
    except (Exception, SystemExit) as error:
        if work.within(error, other):
            function = work.run(blank=other.gaps).cvae_loss
        value = work.call(called, lambda: function(reconstruction, original, mu, logvar), wanted="one number")
    if isinstance(value, torch.Tensor) and value.numel() != 1:  # whose fault is it?
        alone = work.run(blank=other.gaps).cvae_loss
        value = work.call(called, lambda: alone(reconstruction, original, mu, logvar), wanted="one number")
    if value is ... or not isinstance(value, (torch.Tensor, float, int)):
        raise Wrong(called, shape(value), "one number")
    if isinstance(value, torch.Tensor) and value.numel() != 1:
        raise Wrong(called, shape(value), "one number", "Add up over the images as well as over the pixels or units.")
    return value


def number(value):
    return float(value.detach() if isinstance(value, torch.Tensor) else value)


def needs_gradient(called, value, leaf, what):
    """The gradient of `value` for `leaf`; Wrong if there is none."""
    wanted, hint = f"a gradient for {what}", "The number is looked at; does the network ever hear about it?"
    if not isinstance(value, torch.Tensor) or not value.requires_grad:
        raise Wrong(called, f"{shape(value)} without a gradient", wanted, hint)
    (slope,) = torch.autograd.grad(value, leaf, allow_unused=True)
    if slope is None or not slope.any():
        raise Wrong(called, f"no gradient for {what}", wanted, hint)
    return slope


# What one pixel costs, in nats: (guess, truth) -> cost
PIXEL = {(0.8, 1.0): 0.2231436, (0.8, 0.0): 1.6094379, (0.1, 0.0): 0.1053605, (0.8, 0.25): 1.2628643}
COIN = 0.6931472  # a guess of one half costs this, whatever the truth is


@judged
def test_reconstruction_loss(work):
    for batch in (3, 7):
        codes = torch.zeros(batch, 4), torch.zeros(batch, 4)

        def total(guess, truth, size=batch, codes=codes):
            pictures = torch.full((size, 784), guess), torch.full((size, 784), truth)
            return number(loss(work, "reconstruction_loss", *pictures, *codes))

        for (guess, truth), nats in PIXEL.items():
            # The difference of two reconstructions: the KL term, right or wrong, is in both and drops out.
            called = f"cvae_loss with {batch} images of {truth:g}, reconstructed once as {guess:g} and once as 0.5"
            got = total(guess, truth) - total(0.5, truth)
            count = batch * 784
            if abs(got - count * (nats - COIN)) <= 2e-4 * count:
                continue
            better = nats < COIN
            hint = None
            if abs(got - (nats - COIN)) < 1e-3:
                hint = "That is the size of an average. Both terms must be counted in the same currency: sums."
            elif abs(got - 784 * (nats - COIN)) < 0.2:
                hint = "That is the size of one image; the loss is the sum over the whole batch."
            elif (got < 0) != better:
                hint = "The better reconstruction costs more: which of the two is the guess, and which sign has it?"
            raise Wrong(
                called,
                f"a difference of {got:.5g} nats",
                f"the {'first' if better else 'second'} one is cheaper, by the binary cross entropy of every pixel",
                hint,
            )
    guess = torch.full((3, 784), 0.3, requires_grad=True)
    value = loss(work, "reconstruction_loss", guess, torch.ones(3, 784), torch.zeros(3, 4), torch.zeros(3, 4))
    needs_gradient("backward through cvae_loss", value, guess, "the reconstruction")


# What one latent unit costs, in nats: (mu, logvar) -> cost. mu takes both signs, half of the units each.
LOG4 = 1.3862944
UNIT = {(1.0, 0.0): 0.5, (2.0, 0.0): 2.0, (0.0, LOG4): 0.8068528, (0.0, -LOG4): 0.3181472, (1.0, LOG4): 1.3068528}


@judged
def test_kl_loss(work):
    def pictures(batch):
        return torch.full((batch, 784), 0.5), torch.zeros(batch, 784)

    def total(mu, logvar):
        return number(loss(work, "kl_loss", *pictures(len(mu)), mu, logvar))

    for batch, units in ((4, 6), (8, 3)):
        signs = torch.ones(batch, units)
        signs[::2] = -1
        nothing = torch.zeros(batch, units)
        points = [(f"mu = ±{m:g} and logvar = {v:.4g}", m * signs, nothing + v, nats) for (m, v), nats in UNIT.items()]
        both = (UNIT[0.0, LOG4] + UNIT[0.0, -LOG4]) / 2
        points.append((f"mu = 0 and logvar = ±{LOG4:.4g}", nothing, LOG4 * signs, both))
        for what, mu, logvar, nats in points:
            # The difference to the prior: the reconstruction term, right or wrong, is in both and drops out.
            per_unit = (total(mu, logvar) - total(nothing, nothing)) / (batch * units)
            if abs(per_unit - nats) <= 1e-3:
                continue
            hint = None
            if per_unit < 0:
                hint = "A divergence cannot be negative: look at the signs."
            elif min(abs(per_unit * k - nats) for k in (batch, batch * units, 784, batch * 784)) < 1e-3:
                hint = "That is an average of some kind. How should the penalty grow when the batch grows?"
            raise Wrong(
                f"cvae_loss with {what}, compared with mu = logvar = 0 ({batch} images, {units} units)",
                f"{per_unit:.4g} nats more per unit",
                "the KL divergence from the standard normal distribution, added up over all units and images",
                hint,
            )
    few, many = torch.zeros(4, 3), torch.zeros(4, 50)
    at_prior = "nothing to pay at the prior, however many units there are"
    if abs(total(many, many) - total(few, few)) > 0.05:
        called = "cvae_loss with mu = logvar = 0, once with 3 latent units and once with 50"
        raise Wrong(called, "two different values", at_prior)
    if STATES.get("reconstruction_loss") == "right" and abs(total(few, few) - 4 * 784 * COIN) > 0.5:
        called = "cvae_loss with mu = logvar = 0"
        raise Wrong(called, "another value than the reconstruction alone explains", at_prior)
    mu, logvar = torch.ones(4, 3, requires_grad=True), torch.full((4, 3), LOG4, requires_grad=True)
    for what, leaf, slope in (("mu", mu, 1.0), ("logvar", logvar, 1.5)):
        called = f"backward through cvae_loss with mu = 1 and logvar = {LOG4:.4g}"
        value = loss(work, "kl_loss", *pictures(4), mu, logvar)
        found = needs_gradient(called, value, leaf, what)
        if not same(found, torch.full_like(found, slope), 1e-3):
            hint = "The value is right; is a part of it cut off from the gradient?"
            raise Wrong(
                called, f"another slope for {what} than the value itself has", "value and slope that agree", hint
            )


# ---------------------------------------------------------------- training

# The grader's settings. On the kit's digits a right answer reaches about 148 nats per image; with a dead latent code it
# stops at about 177 to 180, where the decoder draws the average digit of each class.
STEPS, BATCH, RATE = 400, 64, 1.5e-3
LIMIT, KL_FLOOR = 158.5, 3.0


def digits():
    """Training and test digits as (images (n, 784) in [0, 1], labels (n,)) pairs, or None when there are none."""
    places = [HERE / "data", HERE.parent / "data"]
    if named := os.environ.get("CVAEKIT_DATA"):
        places.insert(0, Path(named))
    for place in places:
        try:
            return [
                (idx(place, f"{part}-images-idx3-ubyte"), idx(place, f"{part}-labels-idx1-ubyte"))
                for part in ("train", "t10k")
            ]
        except (OSError, EOFError, ValueError, struct.error, RuntimeError):
            continue
    return None


def idx(place, name):
    """One file of MNIST, plain or gzipped; at most 6,000 digits of it."""
    path = place / "MNIST" / "raw" / name
    content = path.read_bytes() if path.is_file() else gzip.decompress(path.with_name(f"{name}.gz").read_bytes())
    if content[3] == 1:
        return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=8)[:6000].long()
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=16).reshape(-1, 784)[:6000].float() / 255


@judged
def test_training(work):
    if [task for task in TASKS.values() if STATES.get(task.id, "right") != "right" and task.id != "training"]:
        raise Waits("waits for the tasks above")
    if any(map(work.still_open, TASKS.values())):
        raise Waits("waits for the tasks above")
    found = digits()
    if found is None:
        raise Waits(
            "not run: no digits found; put MNIST/raw into a folder data beside this file, or name it in CVAEKIT_DATA"
        )
    (train_x, train_y), (test_x, test_y) = found
    called = f"{STEPS} training steps on real digits"
    model = work.call("SimpleCVAE(latent_dim=16)", lambda: work.module.SimpleCVAE(latent_dim=16))
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)

    def run(x, y):
        """The model's outputs and their loss."""
        outputs = work.call("model(x, labels)", lambda: model(x, y), wanted="reconstruction, mu, logvar")
        if not isinstance(outputs, tuple) or len(outputs) != 3:
            raise Wrong("model(x, labels)", shape(outputs), "reconstruction, mu, logvar")
        return outputs, work.call(called, lambda: work.module.cvae_loss(outputs[0], x, *outputs[1:]), wanted="a loss")

    def score():
        """Nats per test digit, and the part of it that the latent code costs."""
        with torch.no_grad():
            (reconstruction, mu, _), value = run(test_x, test_y)
            zero = torch.zeros_like(mu)
            prior = work.module.cvae_loss(reconstruction, test_x, zero, zero)
        return number(value) / len(test_x), number(value - prior) / len(test_x)

    before, _ = score()
    for step in range(STEPS):
        chosen = torch.randint(len(train_x), (BATCH,))
        value = run(train_x[chosen], train_y[chosen])[1]
        if not torch.isfinite(value):
            raise Wrong(called, f"a loss of {number(value)} after {step} steps", "a loss that falls and stays finite")
        optimizer.zero_grad()
        work.call(f"backward, in {called}", value.backward, wanted="gradients")
        optimizer.step()
    after, code = score()
    NOTES.append(f"training: {before:.0f} nats per unseen digit before, {after:.0f} after {STEPS} steps")
    if not after <= LIMIT or not code >= KL_FLOOR:
        got = f"from {before:.0f} to {after:.1f} nats per unseen digit, {code:.1f} of them for the latent code"
        raise Wrong(called, got, f"at most {LIMIT:g}, of which the latent code carries at least {KL_FLOOR:g}")
