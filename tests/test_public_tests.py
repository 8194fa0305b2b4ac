"""What a student sees of Exercise 3's visible tests: on an untouched, half-done, done, right or wrong file."""

import re
import shutil
import textwrap

import pytest
from shipped import KIT, ROOT
from visible import pytest_in, run_many, table

from cvaekit import bank
from cvaekit.starter import starter

MANIFEST = KIT.assignment("conditional_vae")
FOLDER, REFERENCE = MANIFEST.student_folder, MANIFEST.reference_text
PUBLIC, CHECKS = FOLDER / "test_cvae.py", FOLDER / "cvae_checks.py"
IMAGES = ROOT / "assignments" / "data"
STARTER = starter(REFERENCE)
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
    *("kl_mean_detached", "kl_one_missing", "bce_per_row", "encode_returns_std", "decode_no_second_relu"),
]

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
    known = {entry.id: entry for entry in bank.load(MANIFEST).mistakes}
    return [known[name] for name in MISTAKES]


def cases():
    """Name -> (text, options of pytest, whether there are digits) of every submission that the tests below look at."""
    made = {
        "untouched": (STARTER, [], False),
        "half done": (solved(dict.fromkeys(["encoder_dims", "encode", "decoder_dims"])), [], False),
        "no digits": (done(), [], False),
        "own name": (done(encode="combined = torch.cat([x, label], dim=1)"), WITHOUT_TRAINING, False),
        "detached": (done().replace(FORWARD, f"{FORWARD}.detach()"), [], True),
        "stub": (f"{done()}\ndef cvae_loss(*arguments):\n    pass\n", WITHOUT_TRAINING, False),
        "no module": (done().replace("(nn.Module)", "(object)"), WITHOUT_TRAINING, False),
    }
    for name, answers in LEFT_BEHIND.items():
        text = done(**answers)
        made[name] = (text.replace("return z\n", "return new\n") if name == "read nowhere" else text, [], False)
    lazy = {task: f"self.{layer} = nn.LazyLinear({outputs})" for task, (layer, outputs) in LAZY.items()}
    short = {f"begun {number}": done(reparameterize=gaps) for number, gaps in enumerate(BEGUN)}
    short |= {"lazy": done(**lazy)} | {f"variant {number}": text for number, text in enumerate(variants())}
    for task in BEFORE_TRAINING:
        short[f"without {task}"] = solved(dict.fromkeys(t for t in BEFORE_TRAINING if t != task))
    short |= {entry.id: entry.source(REFERENCE) for entry in chosen_mistakes()}
    return made | {name: (text, WITHOUT_TRAINING, False) for name, text in short.items()}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """Name -> code, states and shown of every case, from one folder away from the kit."""
    folder = tmp_path_factory.mktemp("many") / "conditional_vae"
    shutil.copytree(FOLDER, folder)
    (folder / PUBLIC.name).write_text(
        PUBLIC.read_text().replace("STEPS, BATCH, RATE = 400", "STEPS, BATCH, RATE = 100")
    )
    return run_many(folder, "test_cvae", "CVAE_FILE", cases(), IMAGES)


def constant(name):
    """The value of a constant of the visible tests, as it is written there."""
    return re.findall(rf"^{name} = (.+)$", PUBLIC.read_text(encoding="utf-8"), re.MULTILINE)[0]


def test_no_solution_line_is_in_it():
    text = "".join(path.read_text(encoding="utf-8") for path in (PUBLIC, CHECKS)).replace(" ", "")
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
    assert not re.search("Error|FAILURES", shown)
    assert len(shown.splitlines()) < 25


def test_reference_is_right_and_learns(tmp_path):
    """With plain pytest in a folder of its own, away from the kit, as a student does it."""
    folder = shutil.copytree(FOLDER, tmp_path / "mine", ignore=shutil.ignore_patterns("*.ipynb", "__pycache__"))
    (folder / "cvae.py").write_text(done())
    (folder / "data").symlink_to(IMAGES)
    code, shown = pytest_in(folder, "-m", "pytest", "-p", "no:cacheprovider")
    assert table(shown) == all_right(training="right"), shown
    assert code == 0
    [(before, after)] = re.findall(r"training: (\d+) nats .* before, (\d+) after", shown)
    assert 500 < int(before) < 600
    assert 140 < int(after) < 155


def test_wrong_forward_fails_in_training(results):
    result = results["detached"]
    assert (result["states"], result["code"]) == (all_right(training="wrong"), 1)
    assert "100 training steps" in result["shown"]
    assert "nats per unseen digit, 0.0 of them for the latent code" in result["shown"]


def test_training_is_the_graders():
    settings = MANIFEST.settings["training"]
    assert constant("STEPS, BATCH, RATE") == "{steps}, {batch}, 1.5e-3".format(**settings)
    assert settings["learning_rate"] == 1.5e-3
    assert constant("LIMIT, KL_FLOOR") == "{limit}, {kl_floor}".format(**settings)
    text = " ".join((FOLDER / "README.md").read_text(encoding="utf-8").split())
    run = "{steps} steps of {batch} images with Adam at a learning rate of {learning_rate:g}"
    for told in (run, "at most {limit:g} nats per image", "at least {kl_floor:g} of them"):
        assert told.format(**settings) in text


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
    assert states.pop("training").startswith("not run: No MNIST found"), results[name]["shown"]
    assert states == all_right()


def test_a_body_of_nothing_is_not_started(results):
    states = all_right(reconstruction_loss="not started", kl_loss="not started")
    assert results["stub"]["states"] == states


def test_a_lazy_layer_is_refused_with_a_hint(results):
    assert results["lazy"]["states"] == all_right(**dict.fromkeys(LAZY, "wrong"))
    assert "The width should be there before the first call." in results["lazy"]["shown"]


def test_without_digits_training_says_what_to_do(results):
    assert results["no digits"]["code"] == 0
    assert results["no digits"]["states"]["training"].startswith("not run: No MNIST found: put MNIST/raw into")


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


def test_a_class_that_is_no_network_is_told(results):
    assert "a class that is no nn.Module" in results["no module"]["shown"]
    assert results["no module"]["states"]["kl_loss"] == "right"


def test_an_exception_is_shown_with_its_line(results):
    result = results["own name"]
    line = "combined = torch.cat([x, label], dim=1)"
    assert result["states"] == all_right(encode="wrong")
    number = cases()["own name"][0].splitlines().index(f"        {line}") + 1
    assert "NameError: name 'label' is not defined" in result["shown"]
    assert f"in line {number}: {line}" in result["shown"]
