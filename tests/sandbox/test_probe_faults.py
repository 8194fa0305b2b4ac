"""A probe's own exception is told from the submission's, and the zygote runs the engine that started it."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from cvaekit.sandbox import ProbeError, Raised, Sandbox
from cvaekit.sandbox import worker as worker_module
from cvaekit.sandbox.in_process import InProcess

PROBES = Path(__file__).with_name("probes.py")

BROKEN_PROBES = """
from cvaekit.sandbox.probe import call

FORMS = {"misspelled": object, "called": object}


def misspelled(module):
    return modul.f()


def called(module):
    return call(module.f)
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same probes in a sandbox and in this process."""
    path = tmp_path_factory.mktemp("broken") / "probes.py"
    path.write_text(BROKEN_PROBES)
    with Sandbox(path, path.parent) as sandbox:
        yield [sandbox, InProcess(path, path.parent)]


def test_a_probes_own_exception_is_no_failure_of_the_submission(both):
    for workers in both:
        with workers.worker(b"def f(): return 1", "cvae.py") as worker, pytest.raises(ProbeError) as error:
            worker.ask("misspelled")
        assert "the probe raised NameError: name 'modul' is not defined" in str(error.value)
        assert "probes.py" in error.value.trace
        assert "in misspelled" in error.value.trace


CALLED = {
    "def f(x): return 1": "TypeError",
    "import sys\ndef f(): sys.exit(3)": "SystemExit",
    "def f(): return f()": "RecursionError",
    "def f(): raise MemoryError": "MemoryError",
    "f = 3": "TypeError",
    "class f:\n    def __new__(cls): return cls.missing": "AttributeError",
}


@pytest.mark.parametrize(("source", "kind"), CALLED.items())
def test_what_happens_in_a_call_is_the_submissions(both, source, kind):
    for workers in both:
        with workers.worker(source.encode(), "cvae.py") as worker, pytest.raises(Raised) as raised:
            worker.ask("called")
        assert raised.value.type == kind


def test_the_zygote_runs_the_engine_that_started_it(tmp_path):
    """Another copy of the engine may be installed; its sandbox is not the one that is tried."""
    copy = tmp_path / "elsewhere" / "cvaekit"
    shutil.copytree(Path(worker_module.__file__).parents[1], copy, ignore=shutil.ignore_patterns("__pycache__"))
    worker = copy / "sandbox" / "worker.py"
    worker.write_text(worker.read_text().replace("def load(", "MARK = 'the copy'\n\n\ndef load("))
    script = f"""
import sys
sys.path.insert(0, {str(copy.parent)!r})
from pathlib import Path
from cvaekit.sandbox import Sandbox
assert sys.modules["cvaekit"].__file__.startswith({str(copy)!r})
source = b"import sys\\ndef f(): return sys.modules['cvaekit.sandbox.worker'].MARK"
with Sandbox(Path({str(PROBES)!r}), Path({str(tmp_path)!r})) as sandbox:
    with sandbox.worker(source, "cvae.py") as worker:
        print(worker.ask("call", name="f"))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.stdout == "the copy\n", done.stderr
