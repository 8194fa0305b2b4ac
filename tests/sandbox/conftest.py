"""One sandbox at the best level that this machine offers, and one with neither Landlock nor seccomp."""

from pathlib import Path

import pytest

from cvaekit.sandbox import Sandbox

PROBES = Path(__file__).with_name("probes.py")
KIT = Path(__file__).parents[2]  # whose files workers must not read


@pytest.fixture(scope="session")
def locked():
    """A sandbox at level 3; tests that need it are skipped where there is none."""
    with Sandbox(PROBES, KIT) as sandbox:
        if sandbox.isolation.level < 3:
            pytest.skip(f"needs Landlock and seccomp; here: {sandbox.isolation.summary}")
        yield sandbox


@pytest.fixture(scope="session")
def limited():
    """A sandbox as on a machine that has neither Landlock nor seccomp."""
    with Sandbox(PROBES, KIT, layers=frozenset()) as sandbox:
        assert sandbox.isolation.level == 1
        yield sandbox


@pytest.fixture(params=["locked", "limited"])
def either(request):
    return request.getfixturevalue(request.param)
