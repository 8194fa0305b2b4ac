"""Deadlines count what a worker computes and sleeps, not what the machine or the grader make it wait for."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time

import psutil
import pytest

from cvaekit.sandbox import Died, TimedOut, deadline
from cvaekit.sandbox.deadline import Deadline

needs_proc = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere wall time counts")
SOURCE = b"""
import os, signal, threading, time

def compute(span):
    ends = time.process_time() + span
    while time.process_time() < ends:
        pass
    return "done"

def sleep(span):
    time.sleep(span)
    return "done"

def nap():
    while True:
        time.sleep(0.01)

def thread():
    threading.Thread(target=compute, args=(1000,), daemon=True).start()
    time.sleep(1000)

def stop():
    os.kill(os.getpid(), signal.SIGSTOP)

def die():
    os.kill(os.getpid(), signal.SIGKILL)
"""


@needs_proc
@pytest.mark.parametrize(
    ("name", "arguments", "did"),
    [
        ("compute", {"span": 1000}, "computed"),
        ("thread", {}, "computed"),
        ("sleep", {"span": 1000}, "waited"),
        ("nap", {}, "waited"),
        ("stop", {}, "waited"),
    ],
)
def test_what_never_returns_ends(either, name, arguments, did):
    with either.worker(SOURCE, "cvae.py") as worker:
        with pytest.raises(TimedOut) as failure:
            worker.ask("call", name=name, seconds=0.4, **arguments)
        assert failure.value.did == did
        assert worker.pid is None
        assert 0.4 <= worker.spent < 1.2  # computing and waiting together


@contextlib.contextmanager
def busy_loops(count, cpu):
    """Keep one core busy, from sessions of their own: the scheduler may share a core fairly between sessions."""
    command = ["sh", "-c", "while :; do :; done"]
    loops = [subprocess.Popen(command, start_new_session=True) for _ in range(count)]
    try:
        for loop in loops:
            psutil.Process(loop.pid).cpu_affinity([cpu])
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


@needs_proc
def test_a_busy_machine_costs_nothing(either):
    cpu = min(os.sched_getaffinity(0))
    with either.worker(SOURCE, "cvae.py") as worker, busy_loops(12, cpu):
        worker.import_submission()
        psutil.Process(worker.pid).cpu_affinity([cpu])
        started = time.monotonic()
        assert worker.ask("call", name="compute", span=0.2, seconds=0.5) == "done"
        assert time.monotonic() - started > 2 * 0.5


@needs_proc
@pytest.mark.parametrize("frozen", [False, True], ids=["the grader alone", "its worker as well"])
def test_a_pause_costs_nothing(locked, frozen):
    """As by Ctrl-Z, or in a container that is frozen."""
    connection = locked.connect()
    reading, writing = os.pipe()
    grader = os.fork()
    if not grader:
        try:
            worker = connection.worker(SOURCE, "cvae.py")
            worker.import_submission()
            os.write(writing, str(worker.pid).encode())
            answer = worker.ask("call", name="compute", span=0.4, seconds=0.9)
            os.write(writing, answer.encode())
        finally:
            os._exit(0)
    os.close(writing)
    stopped = [grader, *[int(os.read(reading, 20))][:frozen]]
    time.sleep(0.2)
    for pid in stopped:
        os.kill(pid, signal.SIGSTOP)
    time.sleep(1.5)
    for pid in reversed(stopped):
        os.kill(pid, signal.SIGCONT)
    assert os.read(reading, 20) == b"done"
    os.waitpid(grader, 0)
    os.close(reading)
    connection.close()


@pytest.mark.parametrize(("state", "computed", "waited"), [("R", 0, 0), ("D", 0, 1), ("S", 0, 10), ("?", 10, 0)])
def test_what_a_look_counts_for(monkeypatch, state, computed, waited):
    def look(_):
        if state == "?":
            raise FileNotFoundError
        return 7.0, state

    monkeypatch.setattr(deadline, "_usage", look)
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    found = Deadline(1, 90.0)
    for _ in range(10):
        clock[0] += 50  # a look counts for one interval, however late it comes
        assert not found.over()
        assert not found.over()
    assert (found.computed, found.waited) == pytest.approx((computed / 10, waited / 10))


def test_a_worker_that_is_killed_from_outside_is_asked_again(either):
    with either.worker(SOURCE, "cvae.py") as worker:
        worker.import_submission()
        first = worker.pid
        threading.Timer(0.2, os.kill, (first, signal.SIGKILL)).start()
        assert worker.ask("call", name="sleep", span=0.8) == "done"
        assert worker.pid != first
        assert worker.ask("call", name="compute", span=0) == "done"


def test_one_that_kills_itself_gains_nothing(either):
    with either.worker(SOURCE, "cvae.py") as worker:
        for name in ("die", "compute"):
            with pytest.raises(Died, match="SIGKILL") as failure:
                worker.ask("call", name=name)
            assert failure.value.where == "call"
            assert worker.pid is None


def test_one_that_kills_itself_when_it_is_imported_has_died(either):
    with (
        either.worker(SOURCE + b"die()\n", "cvae.py") as worker,
        pytest.raises(Died, match=r"SIGKILL \(import\)"),
    ):
        worker.ask("call", name="compute")
