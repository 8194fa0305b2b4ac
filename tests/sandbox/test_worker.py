"""A worker answers with values, with failures that name a line of the submission, and alike for the same seed."""

import subprocess
import sys
from unittest.mock import MagicMock

import pytest
import torch

from cvaekit.sandbox import Opaque, Raised, WrongReturn, self_test


def ask(sandbox, source, name="f", filename="cvae.py", preload=(), **arguments):
    source = source if isinstance(source, bytes) else source.encode()
    with sandbox.worker(source, filename, preload=preload) as worker:
        return worker.ask("call", name=name, **arguments)


def failure(sandbox, source, **arguments):
    with pytest.raises(Raised) as raised:
        ask(sandbox, source, **arguments)
    return raised.value


def test_importing_the_package_is_cheap():
    script = "import sys, cvaekit.sandbox; sys.exit('torch' in sys.modules or 'numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


def test_the_level_and_its_summary(locked, limited):
    assert locked.isolation.level == 3
    assert locked.isolation.summary.startswith("level 3 (locked): landlock=")
    assert locked.isolation.summary.endswith("read, write, socket, fork, signal, mem denied")
    assert locked.isolation.self_test["memory"] == "limited"
    assert limited.isolation.level == 1
    assert "allowed" in limited.isolation.summary
    for sandbox in (locked, limited):
        assert sandbox.isolation.self_test.items() >= self_test.EXPECTED.items()


ALLOWED = dict.fromkeys(("read", "write", "socket", "fork", "signal", "mem"), "allowed") | self_test.EXPECTED


@pytest.mark.parametrize(
    ("rlimits", "found", "level", "end"),
    [
        ("cpu fsize", {"memory": "open"}, 1, "allowed; memory not limited"),  # macOS
        ("as cpu fsize", {"memory": "limited"}, 1, "allowed"),
        ("as cpu fsize", {"memory": "open"}, 0, "allowed; memory not limited"),
        ("cpu fsize", {"memory": "open", "rlimits": "missing"}, 0, "rlimits missing; memory not limited"),
        ("as cpu fsize", {"memory": "limited", "deadline": "missed"}, 0, "deadline missed"),
        ("as cpu fsize", {"memory": "limited", "process": "shared"}, 0, "process shared"),
    ],
)
def test_the_level_of_what_was_found(monkeypatch, rlimits, found, level, end):
    monkeypatch.setattr(self_test, "_try_deadline", lambda _: found.get("deadline", "kept"))
    connection = MagicMock()
    connection.worker().__enter__().ask.return_value = ALLOWED | found
    layers = {"landlock": "none", "seccomp": "none", "rlimits": rlimits.split()}
    isolation = self_test.measure_isolation(connection, layers)
    assert isolation.level == level
    assert isolation.summary.startswith(f"level {level} ({self_test.LEVELS[level]}): landlock=none")
    assert isolation.summary.endswith(end)


def test_answers(either):
    got = ask(either, "def f(x): return {'twice': 2 * x, 'self': f, 'pair': (1, None)}", x=torch.ones(2, 3))
    assert torch.equal(got["twice"], torch.full((2, 3), 2.0))
    assert got["self"] == Opaque("a function")
    assert got["pair"] == [1, None]


def test_a_worker_keeps_its_state_between_questions(either):
    with either.worker(b"count = 0\ndef f():\n    global count\n    count += 1\n    return count", "cvae.py") as worker:
        assert [worker.ask("call", name="f") for _ in range(3)] == [1, 2, 3]


def test_an_exception_leaves_the_worker_alive(either):
    source = b"def f(): raise ValueError('no')\ndef g(): return 1\n"
    with either.worker(source, "cvae.py") as worker:
        with pytest.raises(Raised) as raised:
            worker.ask("call", name="f")
        assert (raised.value.type, raised.value.message, raised.value.line) == ("ValueError", "no", 1)
        assert worker.ask("call", name="g") == 1


def test_the_line_is_the_deepest_of_the_students_own(either):
    source = "import torch\n\ndef g(x):\n    return torch.cat([x, 1])\n\ndef f():\n    return g(torch.ones(2))\n"
    raised = failure(either, source)
    assert (raised.type, raised.line, raised.where) == ("TypeError", 4, "call")


@pytest.mark.parametrize(
    ("source", "kind", "line"),
    [
        (b"x = 1\ndef f(:\n", "SyntaxError", 2),
        (b"def f():\nreturn 1\n", "IndentationError", 2),
    ],
)
def test_failures_at_import(either, source, kind, line):
    raised = failure(either, source)
    assert (raised.type, raised.where) == (kind, "import")
    assert raised.line == line


def test_nul_bytes(either):
    assert failure(either, b"x = 1\0\n").type in ("ValueError", "SyntaxError")  # the latter since Python 3.12


def test_encodings(either):
    assert ask(either, "# -*- coding: latin-1 -*-\ndef f(): return 'é'".encode()) == "é"  # it is sent as UTF-8
    assert ask(either, b"\xef\xbb\xbfdef f(): return 1") == 1


def test_messages_are_cleaned(either):
    raised = failure(either, "def f(): raise ValueError('\\x1b[2J\\r\\x00%r ' % f + 'x' * 5000)")
    assert raised.message.startswith("[2J<function f at 0x...> xxx")
    assert raised.message.endswith("x [cut]")
    assert len(raised.message) <= 2000


def test_a_probe_may_refuse_a_value(either):
    with either.worker(b"VALUE = (1, 2, 3)", "cvae.py") as worker, pytest.raises(WrongReturn) as wrong:
        worker.ask("unexpected")
    assert wrong.value.got == "a tuple of 3"


def test_an_unknown_probe_is_our_mistake(locked):
    with locked.worker(b"", "cvae.py") as worker, pytest.raises(LookupError):
        worker.ask("no_such_probe")


def test_libraries_find_the_source(either):
    source = """
from __future__ import annotations
import dataclasses, inspect, sys, torch, traceback, typing

@dataclasses.dataclass
class Config:
    width: typing.ClassVar[int] = 3
    depth: int = 4

@torch.jit.script_if_tracing
def twice(x):
    return 2 * x

def f():
    return [__name__, __file__, sys.modules[__name__].f is f, inspect.getsource(twice)[:5], Config().depth]
"""
    assert ask(either, source) == ["cvae", "cvae.py", True, "@torc", 4]


@pytest.mark.parametrize("filename", ["torch.py", "random.py", "my cvae-1.py", "__main__.py"])
def test_file_names(either, filename):
    source = """
import random, torch
def f():
    return [float(torch.ones(1)), 0 <= random.random() < 1, __name__ == "__main__"]
"""
    assert ask(either, source, filename=filename) == [1.0, True, False]


def test_the_same_seed_gives_the_same_answers(either):
    def draws(seed, times=1):
        with either.worker(b"import torch\ntorch.rand(5)", "cvae.py", seed=3) as worker:
            return [worker.ask("noise", seed=seed) for _ in range(times)]

    def same(a, b):
        return torch.equal(a[0], b[0]) and a[1:] == b[1:]

    first, second = draws(7, 2)
    assert same(first, second)
    assert same(first, draws(7)[0])
    assert not same(first, draws(8)[0])
    goes_on = draws(None, 2)
    assert not same(*goes_on)
    assert same(goes_on[0], draws(None)[0])


def test_the_zygote_is_warm(locked):
    """The first optimizer, distribution and loss in a worker import nothing, if "optim" is preloaded."""
    source = """
import sys, torch
from torch import nn
def f():
    before = set(sys.modules)
    model = nn.Sequential(nn.Linear(5, 3), nn.ReLU(), nn.Linear(3, 5), nn.Sigmoid())
    optimizer = torch.optim.Adam(model.parameters())
    x = torch.rand(7, 5)
    loss = nn.functional.binary_cross_entropy(model(x), x, reduction="sum")
    normal = torch.distributions.Normal(torch.zeros(3), torch.ones(3))
    loss = loss + torch.distributions.kl_divergence(normal, normal).sum() + normal.rsample().sum()
    loss.backward()
    optimizer.step()
    return sorted(set(sys.modules) - before)
"""
    assert ask(locked, source, preload=["optim"]) == []


def test_an_optimizer_works_without_preload(locked):
    """Although its first use imports modules that look for a folder to write in."""
    source = "import torch\ndef f():\n    torch.optim.SGD([torch.nn.Parameter(torch.zeros(2))])\n    return 1\n"
    assert ask(locked, source, seconds=30) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="threads are counted in /proc")
def test_the_zygote_has_one_thread_and_a_worker_may_have_more(locked):
    from cvaekit.sandbox import linux

    source = """
import threading, torch
def f():
    torch.set_num_threads(2)
    x = torch.rand(600, 600, requires_grad=True)
    (x @ x).relu().sum().backward()
    worker = threading.Thread(target=torch.rand, args=(3,))
    worker.start()
    worker.join()
    return float(x.grad.sum()) > 0
"""
    assert linux.thread_count(locked.pid) == 1
    assert ask(locked, source, seconds=30) is True


def test_preload(locked):
    source = """
import numpy, torch, torchvision, PIL.Image
def f():
    return torchvision.utils.make_grid([torch.rand(3, 4, 4)])
"""
    with locked.worker(source.encode(), "cvae.py", preload=["torchvision", "numpy", "os; evil", "no_such"]) as worker:
        assert worker.ask("call", name="f").shape == (3, 4, 4)


def test_a_cold_worker_is_locked_too(locked):
    """A cold worker, as for a GPU, on a machine without one."""
    source = """
import os, torch
def f(x):
    try:
        return open("/etc/passwd").read()
    except PermissionError:
        pass
    try:
        return os.fork()
    except PermissionError:
        return x + 1
"""
    with locked.worker(source.encode(), "cvae.py", device="cold-cpu") as worker:
        assert float(worker.ask("call", name="f", x=torch.zeros(()), seconds=30)) == 1.0
        assert worker.ask("definitions", names=["f", "g"]) == {"f": "function", "g": "missing"}
        assert worker.summary == "started cold"
