"""A statement that fails while a submission is imported costs only what uses its names."""

import pytest

from cvaekit.sandbox import Raised

USES = {
    "a package that is not there": "import no_such_package as missing\ndef f(): return missing.thing(1)",
    "a part of it": "from no_such_package import thing\ndef f(): return thing(1)",
    "a file that is not there": "DATA = open('no_such_file').read()\ndef f(): return DATA + 'x'",
    "a calculation": "RATE = 1 / 0\ndef f(): return 2 * RATE",
    "a base class": "from no_such_package import Base\nclass M(Base): pass\ndef f(): return M()",
    "an exit": "import sys\nSIZE = sys.exit(0)\ndef f(): return int(SIZE)",
    "a condition": "FLAG = no_such_name\ndef f(): return 1 if FLAG else 2",
    "an isinstance": "from no_such_package import Kind\ndef f(): return isinstance(3, Kind)",
}


@pytest.mark.parametrize("what", USES)
def test_who_uses_it_learns_why(either, what):
    source = f"{USES[what]}\n\ndef g(): return 7\n"
    with either.worker(source.encode(), "cvae.py") as worker:
        assert worker.ask("definitions", names=["f", "g"]) == {"f": "function", "g": "function"}
        assert worker.ask("call", name="g") == 7
        for _ in range(2):
            with pytest.raises(Raised) as raised:
                worker.ask("call", name="f")
            assert raised.value.line is not None
    line = source.splitlines()[(raised.value.line or 0) - 1]
    assert raised.value.type in ("ModuleNotFoundError", "FileNotFoundError", "PermissionError", "ZeroDivisionError",
                                 "SystemExit", "NameError")  # fmt: skip
    assert "def f" not in line


def test_a_name_keeps_the_value_that_it_had(either):
    source = b"RATE = 0.5\nfor RATE in [1 / 0]:\n    pass\ndef f(): return RATE"
    with either.worker(source, "cvae.py") as worker:
        assert worker.ask("call", name="f") == 0.5


def test_a_statement_that_never_ends_is_ended(either):
    loop = "while True:\n    try:\n        STEPS += 1\n    except Exception:\n        pass\n"
    source = f"STEPS = 0\n{loop}SIZE = 3\ndef f(): return SIZE".encode()
    with either.worker(source, "cvae.py") as worker:
        assert worker.ask("call", name="f") == 3


DECORATED = [
    "from no_such_package import typed\n@typed\ndef f(): return 7",
    "import no_such_package as n\n@n.typed(strict=True)\ndef f(): return 7",
    "from no_such_package import Float\ndef f(x: Float['b 784'] = 7) -> Float['b']: return x",
    "from no_such_package import Float\nclass M:\n    size: Float['b'] = 7\ndef f(): return M.size",
    "from no_such_package import Float\nSIZE: Float['b'] = 7\ndef f(): return SIZE",
    "from no_such_package import typed\n@typed\nasync def g(): pass\ndef f(): return 7 if g.__name__ == 'g' else 0",
    "from no_such_package import typed\nclass M:\n    @typed\n    def f(self): return 7\ndef f(): return M().f()",
]


@pytest.mark.parametrize("source", DECORATED)
def test_right_code_below_a_decorator_that_is_not_there_works(either, source):
    with either.worker(source.encode(), "cvae.py") as worker:
        assert worker.ask("call", name="f") == 7


WITHOUT = {
    "compiled": "import torch\n@torch.compile(mode='max-autotune')\ndef f(): return 7",
    "a compiled method": "import torch\nclass M(torch.nn.Module):\n    def forward(self): return 7\n"
    "f = torch.compile(M())",
    "processes that load": (
        "import torch\nfrom torch.utils.data import DataLoader, TensorDataset\ndef f():\n"
        "    data = DataLoader(TensorDataset(torch.arange(7)), num_workers=2, persistent_workers=True, timeout=9)\n"
        "    return sum(1 for _ in data)"
    ),
    "a keyboard": "NAME = input('name? ')\ndef f(): return 7 if NAME == '' else 0",
    "arguments": "import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, default=7)\n"
    "A = p.parse_args()\ndef f(): return A.n",
}


@pytest.mark.parametrize("what", WITHOUT)
def test_what_a_worker_does_not_have_is_done_without(either, what):
    with either.worker(WITHOUT[what].encode(), "cvae.py") as worker:
        assert worker.ask("call", name="f") == 7


def test_other_files_are_imported_from_memory(either):
    modules = {"parts.net": "from .size import SIZE\n", "parts.size": "SIZE = 7\n", "parts": "from .net import *\n"}
    with either.worker(b"from parts import SIZE\ndef f(): return SIZE", "cvae.py", modules=modules) as worker:
        assert worker.ask("call", name="f") == 7


def test_an_error_in_another_file_names_it(either):
    modules = {"parts": "def g():\n    return 1 / 0\n"}
    worker = either.worker(b"import parts\ndef f(): return parts.g()", "cvae.py", modules=modules)
    with worker, pytest.raises(Raised) as raised:
        worker.ask("call", name="f")
    assert raised.value.message == "division by zero (parts.py, line 2)"
    assert raised.value.line == 2


def test_the_future_of_a_file_is_its_own(either):
    source = b"from __future__ import annotations\ndef f(x: no_such_name = 7): return x"
    with either.worker(source, "cvae.py") as worker:
        assert worker.ask("call", name="f") == 7
