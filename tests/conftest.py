"""One session for all tests that grade: it takes seconds to open."""

import os

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # before torch is imported, as a session does it
# The command obeys these too: tests that ask for what they change set them, and the others must not depend on where
# they run. Typer colours help pages for GITHUB_ACTIONS and FORCE_COLOR.
IN_CI = bool(os.environ.get("CI"))
for variable in ("CI", "CVAEKIT_KIT", "GITHUB_ACTIONS", "FORCE_COLOR"):
    os.environ.pop(variable, None)

import pytest

from cvaekit import bank
from cvaekit.grading.session import Session
from cvaekit.kit import SHIPPED, Kit
from cvaekit.sandbox import SandboxError
from cvaekit.submission.intake import Submission

KIT = Kit(SHIPPED)
KIT.activate()


def pytest_addoption(parser):
    parser.addoption("--update-golden", action="store_true", help="write the reports in tests/golden anew")


@pytest.fixture(scope="session")
def assignment():
    return KIT.assignment("conditional_vae")


@pytest.fixture(scope="session")
def session(assignment):
    """A session for Exercise 3; tests that need it are skipped where submissions cannot be run safely."""
    try:
        with Session(assignment, min_isolation=3) as session:
            assert session.fault == ""
            yield session
    except SandboxError as error:
        (pytest.fail if IN_CI else pytest.skip)(str(error))  # CI must not pass with nothing graded


@pytest.fixture(scope="session")
def grade(assignment, session):
    """Grade a text, bytes, or a Submission; the training run only where asked for, and `only` one task, if given."""

    def grade(content, train=False, only=None):
        if isinstance(content, str):
            content = content.encode()
        submission = content if isinstance(content, Submission) else Submission("cvae.py", "cvae.py", content)
        left_out = () if train else ("training",)
        if only:
            left_out = tuple(task.id for task in assignment.tasks if task.id != only)
        return session.grade(submission, left_out=left_out)

    return grade


@pytest.fixture(scope="session")
def reference_text(assignment):
    return assignment.reference_text


@pytest.fixture(scope="session")
def reference_solution(assignment):
    """The reference as a student would write it, without markers."""
    return bank.solution(assignment)
