"""Golden reports: what a person reads when a submission is not what it should be.

After a change of words: `pytest tests/test_bad_input.py --update-golden`, then read the difference.
"""

import io
import re
from pathlib import Path

import pytest
from rich.console import Console
from shipped import ROOT

from cvaekit.report import terminal
from cvaekit.report.model import Report
from cvaekit.submission import intake
from cvaekit.submission.intake import Submission

GOLDEN = Path(__file__).with_name("golden")
REFERENCE = (ROOT / "reference" / "conditional_vae" / "cvae.py").read_text()


def edited(old, new):
    assert REFERENCE.count(old) == 1, old
    return REFERENCE.replace(old, new)


def in_method(statement):
    return edited(
        "        h = F.relu(self.decoder_fc1(combined))",
        f"        {statement}\n        h = F.relu(self.decoder_fc1(combined))",
    )


CASES = {
    "empty": "",
    "syntax_error": edited("def forward(self, x, labels):", "def forward(self, x, labels)"),
    "gap_mark_left": edited("torch.exp(0.5 * logvar)", "???"),
    "not_utf8": REFERENCE.encode() + b"# \xff\n",
    "nul_bytes": REFERENCE.encode("utf-16"),
    "class_missing": "import torch\n\n\ndef cvae_loss(reconstruction, original, mu, logvar):\n    return mu.sum()\n",
    "class_renamed": edited("class SimpleCVAE", "class MyCVAE"),
    "function_renamed": edited("def cvae_loss", "def loss_function"),
    "method_renamed": edited("def reparameterize", "def reparametrize").replace(
        "self.reparameterize(", "self.reparametrize("
    ),
    "not_a_class": REFERENCE + "\nSimpleCVAE = SimpleCVAE()\n",
    "wrong_signature": edited("def decode(self, z, labels_onehot):", "def decode(self, z):"),
    "exception_at_import": REFERENCE + "\nprint(undefined_name)\n",
    "import_of_a_missing_package": "import tensorflow_of_mine\n" + REFERENCE,
    "endless_loop_at_import": REFERENCE + "\nwhile True:\n    pass\n",
    "endless_loop_in_a_method": in_method("while True: pass"),
    "sys_exit_at_import": "import sys\nsys.exit(0)\n" + REFERENCE,
    "os_exit_at_import": "import os\nos._exit(0)\n" + REFERENCE,
    "os_exit_in_a_method": in_method("import os; os._exit(0)"),
    "kills_itself": in_method("import os; os.kill(os.getpid(), 9)"),
    "returns_none": edited("        return self.fc_mu(h), self.fc_logvar(h)", "        pass"),
    "returns_wrong_shape": edited(
        "z = mu + std * epsilon\n        ###", "z = (mu + std * epsilon).sum(0)\n        ###"
    ),
    "returns_wrong_type": edited("    return recon_loss + kl_loss", "    return str(recon_loss + kl_loss)"),
    "returns_nan": edited("torch.exp(0.5 * logvar)", "torch.sqrt(logvar)"),
    "exit_in_a_line_that_is_needed": edited(
        "class SimpleCVAE(nn.Module):", "import os\n\n\nclass SimpleCVAE(os._exit(0)):"
    ),
    "broken_line_that_is_needed": edited(
        "class SimpleCVAE(nn.Module):", "WIDTH = 500 / 0\n\n\nclass SimpleCVAE(nn.Module):"
    ).replace("nn.Linear(256, 128)", "nn.Linear(256, int(WIDTH))"),
    "memory_bomb": in_method("bytearray(10**12)"),
}


def written(report: Report) -> str:
    """The terminal report at 80 columns, without what differs between machines."""
    stream = io.StringIO()
    terminal.show(Console(file=stream, width=80, highlight=False), report)
    text = re.sub(r"  Isolation: [\s\S]*", "", stream.getvalue())
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n"


def compare(name: str, report: Report, request) -> None:
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(written(report))
    assert written(report) == path.read_text()
    assert report.outcome == "graded"


@pytest.mark.parametrize("name", CASES)
def test_report(name, grade, request):
    compare(name, grade(CASES[name]), request)


FOLDERS = {
    "folder_without_a_submission": {"notes.txt": "hello", "data.csv": "1,2"},
    "two_candidates": {"first.py": REFERENCE, "second.py": REFERENCE},
}


@pytest.mark.parametrize("name", FOLDERS)
def test_report_on_a_folder(name, grade, request, tmp_path, assignment):
    folder = tmp_path / "ada"
    folder.mkdir()
    for filename, text in FOLDERS[name].items():
        (folder / filename).write_text(text)
    report = grade(intake.find(folder, assignment))
    assert report.score == 0
    compare(name, report, request)


def test_report_on_a_link(grade, request, tmp_path, assignment):
    (tmp_path / "real.py").write_text(REFERENCE)
    (tmp_path / "cvae.py").symlink_to(tmp_path / "real.py")
    report = grade(intake.find(tmp_path / "cvae.py", assignment))
    assert report.score == 0
    compare("symbolic_link", report, request)


@pytest.mark.parametrize(
    "text",
    [
        "import warnings\nwarnings.warn('on import')\n" + REFERENCE,
        in_method("import sys; sys.stderr.write('noise ' * 10_000)"),
        in_method("print('x' * 10_000_000)"),
    ],
    ids=["warning", "stderr", "megabytes"],
)
def test_noise_costs_nothing(text, grade):
    report = grade(text)
    assert report.score == 85.0  # all but the training run, which is left out here


def test_endless_recursion_is_an_exception_like_any_other(grade):
    """Not a golden report, since Pythons word it differently."""
    decode = grade(in_method("return self.decode(z, labels_onehot)")).tasks[4]
    assert decode.status == "wrong"
    assert "raised RecursionError: maximum recursion depth exceeded" in decode.feedback
    assert "needs a case in which it does not" in decode.feedback


@pytest.mark.parametrize("name", ["empty", "not_utf8", "exit_in_a_line_that_is_needed"])
def test_whole_file_faults_score_nothing(name, grade):
    content = CASES[name]
    assert grade(Submission(name, "cvae.py", content if isinstance(content, bytes) else content.encode())).score == 0


def test_every_golden_report_has_its_case():
    names = {path.stem for path in GOLDEN.glob("*.txt")}
    assert names == {*CASES, *FOLDERS, "symbolic_link"}
