"""What a student sees of the public test: on an untouched, half-done, done, right, wrong or unreadable file."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import textwrap

import pytest

from graders.build import starter
from graders.checks import bank
from graders.digits import SHIPPED
from graders.manifest import ROOT, load

FOLDER = ROOT / "assignments" / "conditional_vae"
PUBLIC = FOLDER / "test_cvae.py"
REFERENCE = (ROOT / "reference" / "conditional_vae" / "cvae.py").read_text(encoding="utf-8")
STARTER = starter(REFERENCE)
MANIFEST = load("conditional_vae")
TASKS = [task.id for task in MANIFEST.tasks]
BEFORE_TRAINING = TASKS[:-1]

# Right answers, other than the reference's. One of each list goes into each submission.
CONCATENATIONS = [
    "combined = torch.concat((x, labels_onehot), dim=-1)",
    "combined = torch.hstack([x, labels_onehot])",
    "combined = torch.column_stack((x, labels_onehot))",
    "combined = torch.cat([x.double(), labels_onehot.double()], axis=1).to(x)",
    "combined = torch.concatenate([x, labels_onehot.long()], 1)",
    "combined = x.new_empty(x.size(0), x.size(1) + 10)\ncombined[:, :-10] = x\ncombined[:, -10:] = labels_onehot",
]
SAMPLES = [
    "z = torch.distributions.Normal(mu, torch.exp(logvar / 2)).rsample()",
    "z = mu - logvar.exp().sqrt() * torch.randn(mu.shape, device=mu.device, dtype=mu.dtype)",
    "z = torch.addcmul(mu, logvar.mul(0.5).exp_(), torch.normal(0.0, 1.0, size=mu.shape))",
    "import numpy\nz = mu + torch.pow(logvar.exp(), 0.5) * torch.from_numpy(numpy.random.randn(*mu.shape)).to(mu)",
    "std = torch.exp(0.5 * logvar.clamp(-30, 20))\nz = torch.empty_like(mu).normal_().mul(std).add_(mu)",
    "z = torch.distributions.MultivariateNormal(mu, torch.diag_embed(logvar.exp())).rsample()",
]
RECONSTRUCTIONS = [
    'recon_loss = nn.BCELoss(reduction="sum")(reconstruction.view(-1, 784), original.view(-1, 784))',
    "r = reconstruction.double()\nrecon_loss = -(original * r.log() + (1 - original) * torch.log1p(-r)).sum().float()",
    "recon_loss = F.binary_cross_entropy(reconstruction, original) * original.numel()",
    'recon_loss = F.binary_cross_entropy(reconstruction, original, reduction="none").sum(1).sum()',
    "recon_loss = F.binary_cross_entropy(reconstruction, original, size_average=False)",
    "recon_loss = -torch.distributions.Bernoulli(reconstruction, validate_args=False).log_prob(original).sum()",
]
DIVERGENCES = [
    "kl_loss = 0.5 * torch.sum(mu**2 + torch.exp(logvar) - 1 - logvar)",
    "N = torch.distributions.Normal\nkl_loss = torch.distributions.kl_divergence("
    "N(mu, logvar.mul(0.5).exp()), N(0.0, 1.0)).sum()",
    "kl_loss = (1 + logvar - mu.pow(2) - logvar.exp()).sum(1).mean() * len(mu) / -2",
    "kl_loss = 0.5 * (mu.square() + torch.expm1(logvar) - logvar).sum().abs()",
    "std = torch.exp(0.5 * logvar)\nkl_loss = torch.sum(0.5 * (std**2 + mu**2) - std.log() - 0.5)",
    "kl_loss = (-0.5 * (1 + logvar.double() - mu.double() ** 2 - logvar.double().exp())).sum()",
]
WIDTHS = ["nn.Linear(794, 256)", "torch.nn.Linear(28 * 28 + num_classes, 256)"]

# A placeholder that was left behind, and that nothing depends on
LEFT_BEHIND = {
    "overwritten": {
        "decoder_dims": "self.decoder_fc1 = nn.Linear(..., 128)\nself.decoder_fc1 = nn.Linear(latent_dim + 10, 128)",
        "encode": "combined = ...\ncombined = torch.cat([x, labels_onehot], dim=1)",
        "kl_loss": "kl_loss = ...\nkl_loss = 0.5 * torch.sum(mu**2 + torch.exp(logvar) - 1 - logvar)",
        "reparameterize": "std = ...\nepsilon = ...\nz = mu + torch.exp(logvar / 2) * torch.randn_like(mu)",
    },
    "read nowhere": {
        "reparameterize": "std = torch.exp(logvar / 2)\nepsilon = torch.randn_like(mu)\n"
        "z = ...\nnew = mu + std * epsilon",
    },
}

# Gaps of reparameterize -> what is said of it
BEGUN = {
    "std = ...\nepsilon = torch.randn_like(mu)\nz = ...": "begun: std and z are still ... (lines {0} and {2})",
    "std = ...\nepsilon = torch.randn_like(mu)\nz = mu + std * epsilon": "begun: std is still ... (line {0})",
    "std = torch.exp(logvar / 2)\nepsilon = torch.randn_like(mu)\nz = ...": "begun: z is still ... (line {2})",
    "std, epsilon, z = ..., ..., ...": "not started",
    "pass\nz = ...": "not started",
}

MISTAKES = [
    *("encoder_label_forgotten", "decoder_label_forgotten", "encode_label_missing", "decode_label_missing"),
    *("mean_and_logvar_exchanged", "noise_shared_by_rows", "noise_shared_by_columns", "torch_normal_of_mean"),
    *("z_detached", "bce_mean", "bce_arguments_exchanged", "bce_sign", "kl_sign", "kl_mean", "kl_mean_not_squared"),
    *("kl_mean_detached", "kl_one_missing", "bce_per_row"),
]

UNREADABLE = {
    "syntax error": ("def encode(:\n", "Python cannot read cvae.py, line 1: def encode(:"),
    "question marks": (
        STARTER.replace("nn.Linear(..., 256)", "nn.Linear(???, 256)"),
        "??? is not Python. Fill the gap",
    ),
    "import error": ("import no_such_package\n", "ModuleNotFoundError: No module named 'no_such_package'\nin line 1"),
    "exit": ("import sys\nsys.exit(3)\n", "cvae.py cannot be imported.\nSystemExit: 3"),
    "empty": ("", "cvae.py has no class SimpleCVAE; it defines nothing."),
    "renamed class": (
        STARTER.replace("class SimpleCVAE", "class MyCVAE"),
        "no class SimpleCVAE; it defines MyCVAE, cvae",
    ),
    "no class": ("SimpleCVAE = 3\n", "cvae.py has no class SimpleCVAE"),
    "not UTF-8": (b"\xff\xfe = 3\n", "Python cannot read cvae.py"),
    "NUL": (b"x = 3\0\n", "Python cannot read cvae.py"),
}

# Runs pytest once per file in one process, since importing torch takes longer than all checks together.
RUNNER = """
import contextlib, io, json, os, sys
import pytest

for name, options, data in json.loads(sys.argv[1]):
    os.environ.pop("CVAE_FILE", None)
    if name != "cvae_starter.py":
        os.environ["CVAE_FILE"] = name
    os.environ["CVAEKIT_DATA"] = data
    sys.modules.pop("test_cvae", None)
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        code = pytest.main([*"-p no:cacheprovider -p no:unraisableexception".split(), *options, "test_cvae.py"])
    states = sys.modules["test_cvae"].STATES
    print(json.dumps({"code": int(code), "states": states, "shown": shown.getvalue()}), flush=True)
"""
WITHOUT_TRAINING = ["-k", "not training"]
FORWARD = "z = self.reparameterize(mu, logvar)"
LAZY = {"encoder_dims": ("encoder_fc1", 256), "decoder_dims": ("decoder_fc1", 128)}


def solved(answers):
    """The starter with some gaps filled: by the lines given for a task, or by the reference's if they are None."""
    made, task, inside = [], None, False
    for line in REFERENCE.splitlines():
        task = match[1] if (match := re.search(r"# TODO \((\w+)\)", line)) else task
        if task not in answers or line.strip() not in ("### BEGIN SOLUTION", "### END SOLUTION"):
            if not inside or (answers[task] is None and not line.strip().startswith("#:")):
                made.append(line)
            continue
        inside = "BEGIN" in line
        if inside and answers[task] is not None:
            made.append(textwrap.indent(answers[task], line[: line.index("#")]))
    return starter("\n".join(made))


def done(**answers):
    """The complete work, with other answers than the reference's for some tasks."""
    return solved(dict.fromkeys(BEFORE_TRAINING) | answers)


def variants():
    """Submissions that differ from the reference in every answer."""
    lists = CONCATENATIONS, SAMPLES, RECONSTRUCTIONS, DIVERGENCES
    for number, (concatenation, sample, reconstruction, divergence) in enumerate(zip(*lists, strict=True)):
        yield solved(
            {
                "encoder_dims": f"self.encoder_fc1 = {WIDTHS[number % 2]}",
                "decoder_dims": "self.decoder_fc1 = nn.Linear(latent_dim + 10, 128)",
                "encode": concatenation,
                "decode": re.sub(r"\bx\b", "z", concatenation),
                "reparameterize": sample,
                "reconstruction_loss": reconstruction,
                "kl_loss": divergence,
            }
        )


def chosen_mistakes():
    known = {entry.id: entry for entry in bank.load("conditional_vae").mistakes}
    return [known[name] for name in MISTAKES]


def cases():
    """Name -> (text, options of pytest) of every submission that the tests below look at."""
    made = {
        "untouched": (STARTER, []),
        "half done": (solved(dict.fromkeys(["encoder_dims", "encode", "decoder_dims"])), []),
        "no digits": (done(), []),
        "own name": (done(encode="combined = torch.cat([x, label], dim=1)"), WITHOUT_TRAINING),
        "detached": (done().replace(FORWARD, f"{FORWARD}.detach()"), []),
        "stub": (f"{done()}\ndef cvae_loss(*arguments):\n    pass\n", WITHOUT_TRAINING),
    }
    made |= {f"begun {number}": (done(reparameterize=gaps), WITHOUT_TRAINING) for number, gaps in enumerate(BEGUN)}
    for name, answers in LEFT_BEHIND.items():
        text = done(**answers)
        made[name] = (text.replace("return z\n", "return new\n") if name == "read nowhere" else text, [])
    lazy = {task: f"self.{layer} = nn.LazyLinear({outputs})" for task, (layer, outputs) in LAZY.items()}
    made["lazy"] = (done(**lazy), WITHOUT_TRAINING)
    for task in BEFORE_TRAINING:
        made[f"without {task}"] = (solved(dict.fromkeys(t for t in BEFORE_TRAINING if t != task)), WITHOUT_TRAINING)
    made |= {f"variant {number}": (text, WITHOUT_TRAINING) for number, text in enumerate(variants())}
    made |= {entry.id: (entry.source(REFERENCE), WITHOUT_TRAINING) for entry in chosen_mistakes()}
    return made | {name: (text, []) for name, (text, _) in UNREADABLE.items()}


def run(command, folder):
    environment = {name: value for name, value in os.environ.items() if name not in ("CVAE_FILE", "CVAEKIT_DATA")}
    environment["OMP_NUM_THREADS"] = "1"
    finished = subprocess.run(
        [sys.executable, *command], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert "Traceback" not in finished.stdout + finished.stderr
    return finished.returncode, finished.stdout


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Name -> code, states and shown of every case, from one folder away from the kit."""
    folder = tmp_path_factory.mktemp("many")
    shorter = PUBLIC.read_text(encoding="utf-8").replace("STEPS, BATCH, RATE = 400,", "STEPS, BATCH, RATE = 100,")
    (folder / PUBLIC.name).write_text(shorter, encoding="utf-8")
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "runner.py").write_text(RUNNER)
    jobs = []
    for number, (name, (text, options)) in enumerate(cases().items()):
        file = "cvae_starter.py" if name == "untouched" else f"work_{number}.py"
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        jobs.append((file, options, str(SHIPPED if name == "detached" else folder)))
    _, shown = run(["runner.py", json.dumps(jobs)], folder)
    return dict(zip(cases(), map(json.loads, shown.splitlines()), strict=True))


def table(shown):
    """Task -> state, as the summary shows them."""
    return dict(re.findall(rf"^({'|'.join(TASKS)}) +\d+ points   (.+)$", shown, re.MULTILINE))


def public():
    spec = importlib.util.spec_from_file_location("public_test_cvae", PUBLIC)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # its dataclass looks itself up
    spec.loader.exec_module(module)
    return module


def test_tasks_agree_with_the_manifest():
    tasks = public().TASKS
    assert [(t.id, t.points, t.symbol, t.gaps, t.hint) for t in tasks.values()] == [
        (t.id, t.points, t.symbol, t.gaps, t.hint) for t in MANIFEST.tasks
    ]


def test_no_solution_line_is_in_it():
    text = PUBLIC.read_text(encoding="utf-8").replace(" ", "")
    regions = re.findall(r"### BEGIN SOLUTION\n(.*?)### END SOLUTION", REFERENCE, re.DOTALL)[1:]
    lines = [line.partition("#")[0].strip() for region in regions for line in region.splitlines()]
    values = [line.partition(" = ")[2].replace(" ", "") for line in lines if " = " in line]
    assert len(values) == 9
    assert [value for value in values if value in text] == []
    assert not re.search(r"torch\.(cat|concat|hstack|randn_like)\b|binary_cross_entropy\(|\.exp\(|794", text)


def all_right(**others):
    return dict.fromkeys(BEFORE_TRAINING, "right") | others


def test_untouched_starter(results):
    shown = results["untouched"]["shown"]
    assert results["untouched"]["code"] == 1
    assert table(shown) == dict.fromkeys(BEFORE_TRAINING, "not started") | {"training": "waits for the tasks above"}
    assert "next: encoder_dims" in shown
    assert "Error" not in shown
    assert "FAILURES" not in shown
    assert len(shown.splitlines()) < 25


def test_reference_is_right_and_learns(tmp_path):
    """With plain pytest in a folder of its own, away from the kit, as a student does it."""
    shutil.copy(PUBLIC, tmp_path)
    (tmp_path / "cvae.py").write_text(done())
    (tmp_path / "data").symlink_to(SHIPPED)
    code, shown = run(["-m", "pytest", "-p", "no:cacheprovider"], tmp_path)
    assert table(shown) == all_right(training="right"), shown
    assert code == 0
    before, after = map(int, re.search(r"training: (\d+) nats .* before, (\d+) after", shown).groups())
    assert 500 < before < 600
    assert 140 < after < 155


def test_wrong_forward_fails_in_training(results):
    assert results["detached"]["states"] == all_right(training="wrong")
    assert results["detached"]["code"] == 1
    assert "100 training steps" in results["detached"]["shown"]
    assert "nats per unseen digit, 0.0 of them for the latent code" in results["detached"]["shown"]


def test_training_is_the_graders():
    module, settings = public(), MANIFEST.settings["training"]
    assert [settings[n] for n in ("steps", "batch", "learning_rate")] == [module.STEPS, module.BATCH, module.RATE]
    assert [settings["limit"], settings["kl_floor"]] == [module.LIMIT, module.KL_FLOOR]
    text = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
    rate, limit, floor = settings["learning_rate"], settings["limit"], settings["kl_floor"]
    assert f"{settings['steps']} steps of {settings['batch']} images with Adam at a learning rate of {rate:g}" in text
    assert f"at most {limit:g} nats per image" in text
    assert f"at least {floor:g} of them" in text


def test_half_done(results):
    result = results["half done"]
    assert result["code"] == 1
    assert [result["states"][task] for task in BEFORE_TRAINING] == ["right"] * 3 + ["not started"] * 4
    hint = MANIFEST.task("reparameterize").hint
    assert f"next: reparameterize (SimpleCVAE.reparameterize)\n      {hint}" in result["shown"]


@pytest.mark.parametrize("task", BEFORE_TRAINING)
def test_a_gap_left_open_does_not_touch_the_other_tasks(task, results):
    assert results[f"without {task}"]["states"] == all_right(**{task: "not started"})
    assert results[f"without {task}"]["code"] == 1


@pytest.mark.parametrize("number", range(len(BEGUN)))
def test_a_task_begun_says_what_is_left(number, results):
    first = cases()[f"begun {number}"][0].partition("# TODO (reparameterize)")[0].count("\n") + 3
    said = list(BEGUN.values())[number].format(first, first + 1, first + 2)
    assert results[f"begun {number}"]["states"] == all_right(reparameterize=said)
    assert results[f"begun {number}"]["code"] == 1
    assert "next: reparameterize" in results[f"begun {number}"]["shown"]


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_a_placeholder_left_behind_is_overlooked(name, results):
    states = results[name]["states"]
    assert states.pop("training").startswith("not run: no digits found"), results[name]["shown"]
    assert states == all_right()


def test_a_body_of_nothing_is_not_started(results):
    states = all_right(reconstruction_loss="not started", kl_loss="not started")
    assert results["stub"]["states"] == states


def test_a_lazy_layer_is_refused_with_a_hint(results):
    assert results["lazy"]["states"] == all_right(**dict.fromkeys(LAZY, "wrong"))
    assert "The width should be there before the first call." in results["lazy"]["shown"]


def test_without_digits_training_says_what_to_do(results):
    assert results["no digits"]["code"] == 0
    assert results["no digits"]["states"]["training"].startswith("not run: no digits found; put MNIST/raw into")


@pytest.mark.parametrize("number", range(len(CONCATENATIONS)))
def test_right_variants_are_never_failed(number, results):
    result = results[f"variant {number}"]
    assert result["states"] == all_right(), result["shown"]
    assert result["code"] == 0


@pytest.mark.parametrize("entry", chosen_mistakes(), ids=lambda entry: entry.id)
def test_mistakes_are_caught_in_their_own_task_and_explained(entry, results):
    result = results[entry.id]
    assert result["states"] == all_right(**{entry.task: "wrong"}), result["shown"]
    assert result["code"] == 1
    explained = rf"^{entry.task}\ncalled  .+\n(?s:.*)^got     .+\n(?s:.*)^wanted  .+\n(?s:.*)^hint    .+\n"
    assert re.search(explained, result["shown"], re.MULTILINE)


@pytest.mark.parametrize("name", UNREADABLE)
def test_an_unreadable_file_gives_one_message(name, results):
    result = results[name]
    assert result["code"] == 1
    assert UNREADABLE[name][1] in re.sub(r"work_\d+", "cvae", result["shown"])
    assert result["shown"].count("____ test_") == 1


def test_an_exception_is_shown_with_its_line(results):
    result = results["own name"]
    line = "combined = torch.cat([x, label], dim=1)"
    assert result["states"] == all_right(encode="wrong")
    number = cases()["own name"][0].splitlines().index(f"        {line}") + 1
    assert "NameError: name 'label' is not defined" in result["shown"]
    assert f"in line {number}: {line}" in result["shown"]


def test_messages_blame_nobody():
    words = re.compile(r"\b(just|simply|obviously|easy|trivial)\b", re.IGNORECASE)
    for path in (PUBLIC, FOLDER / "README.md", FOLDER / "cvae_starter.py"):
        assert not words.search(path.read_text(encoding="utf-8")), path.name


def test_handout_names_every_task_with_its_points():
    text = (FOLDER / "README.md").read_text(encoding="utf-8")
    headings = re.findall(r"^### Task (\d): (\w+)$", text, re.MULTILINE)
    assert [name for _, name in headings] == TASKS
    for number, task in enumerate(MANIFEST.tasks, start=1):
        assert headings[number - 1] == (str(number), task.id)
        assert task.handout == f"task-{number}-{task.id}"
        assert re.search(rf"\| `{task.id}` \| .+ \| {task.points:g} \|", text)
    assert f"{MANIFEST.max_score:g} points" in text
