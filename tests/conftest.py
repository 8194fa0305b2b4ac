"""One sandbox for all tests that grade: it takes seconds to start."""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # before torch is imported, as the command line does it

import pytest

from graders import digits, manifest
from graders.checks import run
from graders.sandbox import Sandbox
from graders.submission.intake import Submission


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the reports in tests/golden anew")


@pytest.fixture(scope="session")
def assignment():
    return manifest.load("conditional_vae")


@pytest.fixture(scope="session")
def sandbox(assignment):
    with Sandbox(assignment.probes) as sandbox:
        if sandbox.isolation.level < 3:
            reason = f"needs isolation level 3; here: {sandbox.isolation.summary}"
            (pytest.fail if os.environ.get("CI") else pytest.skip)(reason)  # CI must not pass with nothing graded
        yield sandbox


@pytest.fixture(scope="session")
def grade(assignment, sandbox):
    """Grade a text, bytes, or a Submission; the training run only where asked for, and `only` one task, if given."""
    held = digits.load()

    def grade(content, train=False, only=None):
        if isinstance(content, str):
            content = content.encode()
        submission = content if isinstance(content, Submission) else Submission("cvae.py", "cvae.py", content)
        left_out = () if train else ("training",)
        if only:
            left_out = tuple(task.id for task in assignment.tasks if task.id != only)
        return run.grade(submission, assignment, sandbox, sandbox.isolation, data=held, left_out=left_out)

    return grade


@pytest.fixture(scope="session")
def reference_text():
    return (manifest.ROOT / "reference" / "conditional_vae" / "cvae.py").read_text()
