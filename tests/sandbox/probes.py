"""Probes for the tests of the sandbox: each calls or returns what the test's submission defines."""

from typing import Any

import torch

from cvaekit.sandbox.probe import Unexpected, describe

FORMS = dict.fromkeys(("call", "value", "unexpected", "noise"), object)


def call(module: Any, name: str, **arguments: Any) -> Any:
    """`name` of the submission, called."""
    return getattr(module, name)(**arguments)


def value(module: Any, name: str) -> Any:
    """A global of the submission."""
    return getattr(module, name)


def unexpected(module: Any) -> None:
    raise Unexpected(describe(module.VALUE))


def noise(module: Any) -> Any:
    """A draw from each generator that the sandbox seeds."""
    import random

    import numpy

    return [torch.rand(3), random.random(), float(numpy.random.rand())]
