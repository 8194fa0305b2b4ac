"""Lets the hidden checks be run by hand: `pytest graders/<assignment> --submission PATH`."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cvaekit")
    group.addoption("--submission", metavar="PATH", help="the submission to run the hidden checks against")
    group.addoption("--device", default="cpu", choices=["cpu", "cuda"], help="where to train (default: cpu)")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    if path := config.getoption("--submission"):
        from graders.checks.direct import register  # not needed, and slow to import, for anything else

        register(config, path)


def pytest_collection(session: pytest.Session) -> None:
    if not session.config.getoption("--submission") and not session.config.option.help:
        raise pytest.UsageError("the hidden checks need a submission: pytest graders/<assignment> --submission PATH")
