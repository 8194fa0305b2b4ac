"""A probe's own exception is told from the submission's, in a sandbox and in the grader's process alike."""

import pytest
from shipped import ROOT

from cvaekit.sandbox import ProbeError, Raised, Sandbox
from cvaekit.sandbox.in_process import InProcess

BROKEN_PROBES = """
from cvaekit.sandbox.probe import call

FORMS = dict.fromkeys(("misspelled", "no_attribute", "wrong_value", "called", "not_called"), object)


def misspelled(module):
    return modul.f()


def no_attribute(module):
    return [].largest


def wrong_value(module):
    return len(call(module.f))


def called(module):
    return call(module.f)


def not_called(module):
    return module.f()
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory):
    """The same probes in a sandbox and in this process."""
    path = tmp_path_factory.mktemp("broken") / "probes.py"
    path.write_text(BROKEN_PROBES)
    with Sandbox(path, ROOT) as sandbox:
        yield [sandbox, InProcess(path, ROOT)]


OWN = {
    "misspelled": "NameError: name 'modul' is not defined",
    "no_attribute": "AttributeError: 'list' object has no attribute 'largest'",
    "wrong_value": "TypeError: object of type 'int' has no len()",
}


@pytest.mark.parametrize(("probe", "error"), OWN.items())
def test_a_probes_own_exception_is_no_failure_of_the_submission(both, probe, error):
    for workers in both:
        with workers.worker(b"def f(): return 1", "cvae.py") as worker, pytest.raises(ProbeError) as broken:
            worker.ask(probe)
        assert str(broken.value) == f"the probe raised {error}"
        assert "probes.py" in broken.value.trace
        assert f"in {probe}" in broken.value.trace
        assert broken.value.trace.endswith(error)


def test_a_broken_probe_ends_its_worker(both):
    with both[0].worker(b"def f(): return 1", "cvae.py") as worker:
        for _ in range(2):
            with pytest.raises(ProbeError):
                worker.ask("misspelled")
        assert worker.pid is None


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


NOT_CALLED = {
    "def f(): raise OSError": "OSError",  # its line is in the traceback
    "import sys\ndef f(): sys.exit(3)": "SystemExit",
    "def f(): return f()": "RecursionError",
    "def f(): raise MemoryError": "MemoryError",
}


@pytest.mark.parametrize(("source", "kind"), NOT_CALLED.items())
def test_an_exception_with_the_submissions_line_is_its_own_outside_a_call_too(both, source, kind):
    for workers in both:
        with workers.worker(source.encode(), "cvae.py") as worker, pytest.raises(Raised) as raised:
            worker.ask("not_called")
        assert raised.value.type == kind


def test_a_call_that_does_not_fit_is_the_probes_outside_a_call(both):
    for workers in both:
        with workers.worker(b"def f(x): return x", "cvae.py") as worker, pytest.raises(ProbeError, match="TypeError"):
            worker.ask("not_called")
