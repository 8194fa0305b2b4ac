"""Run every attack of attacks.py: it is denied, or ends the worker with a failure that names the reason."""

import os
import socket
import stat
import time
from pathlib import Path

import attacks
import pytest

from cvaekit.sandbox import BadReply, Died, Raised, SubmissionFailure, TimedOut
from cvaekit.sandbox.channel import MAX_OUTPUT

SECONDS = 0.5
SLACK = 20.0  # beyond a deadline, on a busy machine, which does not end what computes any earlier


def submission(body, arguments="**_"):
    return f"{attacks.SETUP}\ndef attack({arguments}):\n    {body}\n".encode()


@pytest.fixture(scope="module")
def targets(locked, tmp_path_factory):
    """The targets of the attacks. At the end they must be as they were."""
    folder = tmp_path_factory.mktemp("outside")
    canary = folder / "canary"
    canary.write_text("secret")
    canary.chmod(0o644)
    before = canary.stat()
    readable = Path(locked.wait_ready()["folders"][0]) / "readable"
    readable.write_text("not to be emptied")
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket(socket.AF_UNIX) as unix:
        unix.bind(str(folder / "unix"))
        unix.listen()
        yield {
            "canary": str(canary),
            "readable": str(readable),
            "grader": os.getpid(),
            "zygote": locked.pid,
            "address": list(server.getsockname()),
            "unix": str(folder / "unix"),
        }
    assert canary.read_text() == "secret"
    assert stat.filemode(canary.stat().st_mode) == "-rw-r--r--"
    assert canary.stat().st_mtime == before.st_mtime
    assert sorted(path.name for path in folder.iterdir()) == ["canary", "unix"]
    assert readable.read_text() == "not to be emptied"


@pytest.fixture(scope="module")
def attacker(locked, targets):
    """One worker for all attacks that are denied, which change nothing in it."""
    names = ", ".join(targets)
    functions = []
    for index, attack in enumerate(attacks.DENIED.values()):
        *statements, result = attack.split("; ")
        body = "".join(f"    {statement}\n" for statement in [*statements, f"return repr({result})"])
        functions.append(f"def attack_{index}({names}):\n{body}")
    source = attacks.SETUP + "import fcntl, resource\naddress = ()\n" + "\n".join(functions)
    with locked.worker(source.encode(), "attacker.py") as worker:
        yield worker


@pytest.mark.parametrize("name", attacks.DENIED)
def test_denied(attacker, targets, name):
    index = list(attacks.DENIED).index(name)
    started = time.monotonic()
    with pytest.raises(Raised) as failure:
        attacker.ask("call", name=f"attack_{index}", **targets)
    # EPERM, EACCES or ENOSYS; an attack that fails for another reason would prove nothing
    assert failure.value.message.startswith(("[Errno 1]", "[Errno 13]", "[Errno 38]", "not allowed to raise"))
    assert time.monotonic() - started < SLACK


@pytest.mark.parametrize("name", attacks.ENDS)
def test_ends(either, name):
    body, kind, text = attacks.ENDS[name]
    if name == "a file as large as the disk" and either.isolation.level < 3:
        text = "File too large"
    started = time.monotonic()
    with either.worker(submission(body), "cvae.py") as worker:
        with pytest.raises(SubmissionFailure) as failure:
            worker.ask("call", name="attack", seconds=SECONDS if kind == "TimedOut" else 20)
        seconds = time.monotonic() - started
        pid = worker.pid
    assert type(failure.value).__name__ == kind, failure.value
    assert text in str(failure.value)
    assert seconds < SECONDS + SLACK or kind != "TimedOut"
    if kind != "Raised":
        assert pid is None


@pytest.mark.parametrize("name", ["os._exit", "a loop in Python", "a segmentation fault"])
def test_ends_at_import(either, monkeypatch, name):
    monkeypatch.setattr("cvaekit.sandbox.worker_handle.IMPORT_SECONDS", SECONDS)
    body, kind, text = attacks.ENDS[name]
    with either.worker(f"if True:\n    {body}\n".encode(), "cvae.py") as worker:
        for _ in range(2):  # asked again, it gives the same failure
            with pytest.raises(SubmissionFailure) as failure:
                worker.ask("call", name="attack")
            assert type(failure.value).__name__ == kind
            assert getattr(failure.value, "where", None) == "import"
            assert text in str(failure.value)


def test_printing_much_is_no_failure_up_to_a_limit(either):
    body = "import sys\n    for _ in range(3200): sys.stdout.write('x' * 65536)\n    return 'done'"
    with either.worker(submission(body), "cvae.py") as worker:
        assert worker.ask("call", name="attack", seconds=30) == "done"
        assert len(worker.output) == 64 << 10
        with pytest.raises(Died, match=f"printed more than {MAX_OUTPUT >> 20} MB"):  # over all calls
            worker.ask("call", name="attack", seconds=30)


def test_a_daemon_does_not_outlive_its_worker(limited):
    body = (
        "if os.fork(): return 'left'\n    os.setsid()\n    if os.fork(): os._exit(0)\n"
        "    libc.prctl(1, 0, 0, 0, 0)\n    libc.prctl(15, b'cvaekit-stray', 0, 0, 0)\n    signal.pause()"
    )
    with limited.worker(submission(body), "cvae.py") as worker:
        assert worker.ask("call", name="attack") == "left"
    assert "cvaekit-stray" not in names_of_processes()


def names_of_processes():
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdecimal():
            try:
                with open(f"/proc/{entry}/comm") as comm:
                    found.append(comm.read().strip())
            except OSError:
                continue
    return found


def test_a_patched_torch_deceives_nobody(either):
    source = b"""
import builtins, torch
def shape(x):
    class Liar(torch.Tensor):
        shape = (99, 99)
        def numpy(self): return 'nothing'
        def __reduce__(self): return (print, ('pickled',))
    torch.equal = torch.allclose = lambda *_: True
    builtins.isinstance = lambda *_: True
    torch.Tensor.__eq__ = lambda *_: True
    return x.as_subclass(Liar)
"""
    import torch

    with either.worker(source, "cvae.py") as worker:
        try:
            got = worker.ask("call", name="shape", x=torch.arange(6.0).reshape(2, 3))
        except (Raised, BadReply, Died):
            return  # the submission broke what its own worker needs
    assert not isinstance(got, torch.Tensor) or tuple(got.shape) == (2, 3)
    assert not torch.equal(torch.zeros(2), torch.ones(2))


def test_the_worker_holds_no_secret(locked):
    """The zygote, whose memory workers share, has never imported the reference or a hidden check."""
    source = b"""
import gc, os, sys
def find():
    modules = [name for name in sys.modules if name.startswith(("reference", "assignments", "graders"))]
    return [modules, sorted(os.environ), sys.argv[:1], os.getcwd(), "" in sys.path]
"""
    with locked.worker(source, "cvae.py") as worker:
        modules, environment, argv, folder, cwd_on_path = worker.ask("call", name="find")
    assert set(modules) == {"graders", "reference", "graders.sandbox.probes"}  # two empty packages, and the probes
    assert {"HOME", "PATH", "PYTHONHASHSEED"} <= set(environment)
    assert not {name for name in environment if "TOKEN" in name or "SECRET" in name or name == "PYTHONPATH"}
    assert argv == ["cvae.py"]
    assert Path(folder).parent == Path(locked.wait_ready()["folders"][1])
    assert not cwd_on_path


def test_time_out_is_absolute(either):
    with either.worker(submission("while True: print('still here')"), "cvae.py") as worker:
        started = time.monotonic()
        with pytest.raises(TimedOut):
            worker.ask("call", name="attack", seconds=1.0)
        assert time.monotonic() - started < SLACK
