"""No process, file or shared memory is left behind, whichever process is killed."""

import errno
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import psutil
import pytest

from cvaekit.sandbox import Died, Sandbox, SandboxError, TimedOut
from cvaekit.sandbox.zygote import Peer, Zygote

PROBES = Path(__file__).with_name("probes.py")
KIT = Path(__file__).parents[2]
LOOP = b"def f():\n    while True: pass\ndef g(): return 1\n"


def eventually(condition, seconds=5.0):
    """Return whether `condition` becomes true within `seconds`."""
    ends = time.monotonic() + seconds
    while not (held := condition()) and time.monotonic() < ends:
        time.sleep(0.02)
    return held


def gone(*pids):
    return eventually(lambda: not any(psutil.pid_exists(pid) for pid in pids))


def leftovers(folder):
    """List temporary files, shared memory and IPC objects. folder: where temporary files are made."""
    temporary = set(os.listdir(folder))
    shared = set(os.listdir("/dev/shm")) if os.path.isdir("/dev/shm") else set()
    ipc = Path("/proc/sysvipc")
    tables = {f"{name}: {line}" for name in ("shm", "sem", "msg") if ipc.is_dir()
              for line in (ipc / name).read_text().splitlines()[1:]}  # fmt: skip
    return temporary | shared | tables


def test_closing_a_worker_ends_and_reaps_it(either):
    with either.worker(LOOP, "cvae.py") as worker:
        assert worker.ask("call", name="g") == 1
        pid = worker.pid
    assert not psutil.pid_exists(pid)
    worker.close()  # a second call does nothing


def test_a_timeout_ends_it_at_once(either):
    with either.worker(LOOP, "cvae.py") as worker:
        worker.import_submission()
        pid = worker.pid
        with pytest.raises(TimedOut):
            worker.ask("call", name="f", seconds=0.3)
        assert not psutil.pid_exists(pid)
        with pytest.raises(TimedOut):  # every later question gives the same failure
            worker.ask("call", name="g")


def test_a_worker_does_not_disturb_its_neighbour(either):
    with either.worker(LOOP, "cvae.py") as first, either.worker(b"import os\ndef f(): os._exit(1)", "b.py") as second:
        first.import_submission()
        with pytest.raises(Died):
            second.ask("call", name="f")
        assert first.ask("call", name="g") == 1


def test_a_fork_of_the_grader_takes_its_workers_with_it(locked):
    """When many submissions are graded at once, each grading process has a connection of its own."""
    reading, writing = os.pipe()
    connection = locked.connect()
    child = os.fork()
    if not child:
        worker = connection.worker(LOOP, "cvae.py")
        worker.import_submission()
        os.write(writing, str(worker.pid).encode())
        time.sleep(60)
        os._exit(0)
    pid = int(os.read(reading, 20))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    assert gone(pid)
    connection.close()
    os.close(reading)
    os.close(writing)
    with locked.worker(LOOP, "cvae.py") as worker:  # other connections go on
        assert worker.ask("call", name="g") == 1


GRADER = """
import sys, time
from pathlib import Path
from cvaekit.sandbox import Sandbox

sandbox = Sandbox(Path({probes!r}), Path({kit!r}), layers=frozenset({layers!r}))
worker = sandbox.worker(b"import time\\ndef f():\\n    while True: pass", "cvae.py")
worker.import_submission()
print(sandbox.pid, worker.pid, flush=True)
worker.ask("call", name="f", seconds=60)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs PR_SET_PDEATHSIG")
@pytest.mark.parametrize("layers", [["landlock", "seccomp"], []])
def test_kill_minus_nine_of_the_grader_leaves_nothing(layers, tmp_path):
    before = leftovers(tmp_path)
    environment = os.environ | {"TMPDIR": str(tmp_path)}
    script = textwrap.dedent(GRADER).format(probes=str(PROBES), kit=str(KIT), layers=layers)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, env=environment) as grader:
        assert grader.stdout is not None
        pids = [int(pid) for pid in grader.stdout.readline().split()]
        assert len(pids) == 2
        grader.kill()
    assert gone(*pids)
    assert eventually(lambda: not leftovers(tmp_path) - before), leftovers(tmp_path) - before


def test_a_killed_zygote_is_our_failure_and_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    before = leftovers(tmp_path)
    with Sandbox(PROBES, KIT) as sandbox:
        worker = sandbox.worker(LOOP, "cvae.py")
        worker.import_submission()
        pid = worker.pid
        os.kill(sandbox.pid, signal.SIGKILL)
        assert gone(pid)
        for _ in range(2):  # asked again, it is still no failure of the submission
            with pytest.raises(SandboxError):
                worker.ask("call", name="g")
        worker.close()
        with pytest.raises(SandboxError):
            sandbox.worker(LOOP, "cvae.py")
    assert gone(sandbox.pid)
    assert eventually(lambda: not leftovers(tmp_path) - before), leftovers(tmp_path) - before


def test_a_sandbox_that_is_closed_while_it_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    started = time.monotonic()
    with Sandbox(PROBES, KIT) as sandbox:
        pass
    assert gone(sandbox.pid)
    assert time.monotonic() - started < 10
    assert not os.listdir(tmp_path)


def test_a_broken_file_of_probes_is_our_failure(tmp_path):
    (tmp_path / "probes.py").write_text("import nothing_of_that_name")
    with Sandbox(tmp_path / "probes.py", KIT) as sandbox, pytest.raises(SandboxError, match="nothing_of_that_name"):
        sandbox.wait_ready()


ONE_MORE_THREAD = "import threading\nthreading.Thread(target=threading.Event().wait, daemon=True).start()\n"


def test_an_import_that_starts_a_thread_harms_no_worker(tmp_path, monkeypatch):
    """Neither that of the submission that imports it, nor any after it."""
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "einops.py").write_text(ONE_MORE_THREAD)
    (packages / "seaborn.py").write_text("import os\nif not os.fork(): __import__('time').sleep(60)\nos._exit(1)")
    (packages / "pandas.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(packages), *sys.path])
    find = b"import sys\ndef f(): return [name for name in ('einops', 'seaborn', 'pandas') if name in sys.modules]"
    with Sandbox(PROBES, KIT) as sandbox:
        for preload in (["einops", "seaborn", "pandas"], ["einops"], []):
            with sandbox.worker(find, "cvae.py", preload=preload) as worker:
                assert worker.ask("call", name="f") == ["pandas"]
                assert worker.summary == "forked from the zygote"
        if sys.platform == "linux":
            assert len(os.listdir(f"/proc/{sandbox.pid}/task")) == 1
            assert not psutil.Process(sandbox.pid).children()


def test_a_zygote_with_threads_starts_its_workers_cold(tmp_path):
    """A thread that a trial did not see makes grading slow, and not impossible."""
    start = "import sys\nif 'cvaekit.sandbox.zygote' in sys.modules:\n    " + ONE_MORE_THREAD.replace("\n", "; ")
    (tmp_path / "probes.py").write_text(f"{start}\n{PROBES.read_text()}")
    with Sandbox(tmp_path / "probes.py", KIT) as sandbox:
        for preload in (["tqdm"], []):
            with sandbox.worker(LOOP, "cvae.py", preload=preload) as worker:
                assert worker.ask("call", name="g") == 1
        assert sandbox.isolation.self_test["deadline"] == "kept"
        if sys.platform == "linux":
            assert len(os.listdir(f"/proc/{sandbox.pid}/task")) == 2


def test_an_import_that_hangs_is_given_up(tmp_path):
    (tmp_path / "einops.py").write_text("while True: pass")
    script = f"""
import sys, time
from cvaekit.sandbox import import_trial
sys.path.append({str(tmp_path)!r})
import_trial.SECONDS = 0.5
assert import_trial.safe_to_import(["einops", "optim", "os"]) == ["optim"]
started = time.monotonic()
assert import_trial.safe_to_import(["einops"]) == []
assert time.monotonic() - started < 0.1
"""
    subprocess.run([sys.executable, "-c", script], check=True, timeout=30)


def test_a_kernel_without_pidfd_goes_unwatched(monkeypatch):
    def refuse(_):
        raise OSError(errno.ENOSYS, "not here")

    main, theirs = socket.socketpair()
    with main, theirs:
        zygote = Zygote.__new__(Zygote)
        zygote.main, peer = Peer(main), Peer(theirs)
        former = os.dup(0)
        peer.owner, peer.watch = 1, former
        monkeypatch.setattr(os, "pidfd_open", refuse, raising=False)
        zygote.watch_owner(peer, os.getpid())
        assert (peer.owner, peer.watch) == (os.getpid(), -1)
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.fstat(former)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("ends", ["at once", "while it starts", "with an error"])
def test_a_failed_start_leaves_no_socket_open(ends, tmp_path, monkeypatch):
    made = socket.socketpair()
    monkeypatch.setattr(socket, "socketpair", lambda: made)
    if ends == "at once":
        monkeypatch.setattr("cvaekit.sandbox.client._start_zygote", lambda _: subprocess.Popen(["false"]))
        monkeypatch.setattr("cvaekit.sandbox.control.send", lambda *_: (_ for _ in ()).throw(BrokenPipeError))
        with pytest.raises(SandboxError, match="did not start"):
            Sandbox(PROBES, KIT)
    else:
        (tmp_path / "probes.py").write_text("1 / 0" if ends == "with an error" else "import os; os._exit(3)")
        with Sandbox(tmp_path / "probes.py", KIT) as sandbox:
            for _ in range(2):
                with pytest.raises(SandboxError, match="start"):
                    sandbox.wait_ready()
    assert [one.fileno() for one in made] == [-1, -1]
