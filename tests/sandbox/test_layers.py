"""Test each layer of the lock-down by itself, and Landlock at every ABI, in processes that do not import torch."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux")

if sys.platform == "linux":
    from cvaekit.sandbox import allowed_paths, landlock, seccomp
    from cvaekit.sandbox.syscalls import DENIED, NUMBERS

LOCKED = """
import os, socket, sys
from pathlib import Path
from cvaekit.sandbox import landlock
from cvaekit.sandbox import linux
from cvaekit.sandbox import lockdown
from cvaekit.sandbox import allowed_paths
from cvaekit.sandbox import seccomp
abi, filters, folder = int(sys.argv[1]), sys.argv[2] == "1", Path(sys.argv[3])
ruleset = landlock.ruleset(abi, [folder / "open"], [], folder / "workers") if abi else None
mine = folder / "workers" / "mine"
os.chdir(mine)
lockdown.apply(lockdown.Locks(ruleset, abi, filters), mine)

def tried(attempt):
    try:
        attempt()
    except OSError as error:
        return "denied"
    return "allowed"

def shorten(): os.truncate(folder / "hidden", 0)
def shorten_open(): os.close(os.open(folder / "open" / "file", os.O_RDONLY | os.O_TRUNC))
def read(): (folder / "hidden").read_text()
def read_open(): (folder / "open" / "file").read_text()
def write_own():
    os.makedirs("results/1")
    Path("results/1/a.txt").write_text("a")
    os.rename("results/1/a.txt", "results/1/b.txt")
    assert Path("results/1/b.txt").read_text() == "a"
    os.unlink("results/1/b.txt")
    os.rmdir("results/1")
def write_too_much(): Path("large").write_bytes(bytes(17 << 20))
def write_others(): (folder / "workers" / "others" / "x").write_text("x")
def write_beside(): (folder / "workers" / "x").write_text("x")
def write_open(): (folder / "open" / "file").write_text("x")
def list_workers(): os.listdir(folder / "workers")
def link(): os.symlink("/etc", "etc")
def udp(): socket.socket(socket.AF_INET, socket.SOCK_DGRAM).close()
def tcp():
    with socket.socket() as client:
        if client.connect_ex(("127.0.0.1", int(sys.argv[4]))): raise PermissionError
def signals(): os.kill(os.getppid(), 0)
def fork(): os.fork() or os._exit(0)
print(*(f"{f.__name__}={tried(f)}" for f in (
    read, read_open, shorten, shorten_open, write_own, write_too_much, write_others, write_beside, write_open,
    list_workers, link, udp, tcp, signals, fork)))
"""


def locked(abi, filters, folder, port=9):
    """Return what a process can do under Landlock of version `abi` (0: none), with or without the seccomp filter."""
    arguments = [sys.executable, "-c", LOCKED, str(abi), str(int(filters)), str(folder), str(port)]
    done = subprocess.run(arguments, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return dict(item.split("=") for item in done.stdout.split())


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "open").mkdir()
    (tmp_path / "open" / "file").write_text("text")
    (tmp_path / "hidden").write_text("text")
    for name in ("mine", "others"):
        (tmp_path / "workers" / name).mkdir(parents=True)
    return tmp_path


@pytest.fixture
def port():
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def needs_landlock(version):
    found = landlock.abi()
    if isinstance(found, str) or found < version:
        pytest.skip(f"needs Landlock {version}; here: {found}")


@pytest.mark.parametrize("version", range(1, 8))
def test_both_layers_at_every_abi(folder, version):
    needs_landlock(version)
    if not seccomp.available():
        pytest.skip("needs seccomp on x86_64")
    got = locked(version, True, folder)
    assert got.pop("read_open") == got.pop("write_own") == "allowed"
    assert set(got.values()) == {"denied"}, got
    assert (folder / "hidden").read_text() == (folder / "open" / "file").read_text() == "text"


@pytest.mark.parametrize("version", range(1, 8))
def test_landlock_alone(folder, port, version):
    needs_landlock(version)
    got = locked(version, False, folder, port)
    assert got["read"] == "denied"
    assert got["read_open"] == got["write_own"] == got["udp"] == got["fork"] == "allowed"
    names = ("write_too_much", "write_others", "write_beside", "write_open", "list_workers", "link")
    assert {got[name] for name in names} == {"denied"}, got
    assert got["shorten"] == got["shorten_open"] == ("denied" if version >= 3 else "allowed")
    assert got["tcp"] == ("denied" if version >= 4 else "allowed")
    assert got["signals"] == ("denied" if version >= 6 else "allowed")


def test_seccomp_alone(folder, port):
    if not seccomp.available():
        pytest.skip("needs seccomp on x86_64")
    got = locked(0, True, folder, port)
    assert got.pop("read") == got.pop("read_open") == got.pop("list_workers") == "allowed"
    assert {got.pop(name) for name in ("write_own", "write_too_much")} == {"denied"}
    assert not [path for path in folder.rglob("*") if path.is_file() and path.read_text() not in ("text", "")]
    assert {got[name] for name in ("shorten", "shorten_open", "link", "udp", "tcp", "signals", "fork")} == {"denied"}


def test_a_layer_that_fails_stops_the_worker():
    script = "from cvaekit.sandbox import lockdown; lockdown.apply(lockdown.Locks(0, 1, False), '/tmp')"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert "LayerFailed: landlock:" in done.stderr


def test_more_than_one_thread_stops_the_worker():
    script = """
import threading
from cvaekit.sandbox import lockdown
threading.Thread(target=threading.Event().wait, daemon=True).start()
lockdown.apply(lockdown.Locks(None, 0, False), "/tmp")
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "LayerFailed: threads:" in done.stderr


def test_the_filter_fits_and_names_each_call_once():
    program = seccomp.program(123)
    assert len(program) < 4096
    assert all(0 <= yes < 256 and 0 <= no < 256 for _, yes, no, _ in program)
    assert len(set(NUMBERS.values())) == len(NUMBERS)
    assert set(DENIED) < set(NUMBERS)


def test_nothing_of_the_kit_is_readable(tmp_path, monkeypatch):
    """Also where the kit is installed among other packages, or linked into them."""
    packages = tmp_path / "site-packages"
    kit = packages / "my_kit"
    for name in (
        "my_kit/graders",
        "my_kit/reference",
        "cvaekit/shipped",
        "cvaekit-1.dist-info",
        "torch",
        "referencing",
    ):
        (packages / name).mkdir(parents=True)
    (packages / "innocent").symlink_to(kit / "reference")
    (packages / "__editable___cvaekit_finder.py").write_text("")
    monkeypatch.setattr(sys, "path", [str(packages), str(tmp_path)])
    hidden = [str(packages / "cvaekit"), str(kit / "graders"), str(kit / "reference")]
    paths = allowed_paths.read_paths(hidden, tmp_path / "private")
    assert {path.name for path in paths if path.parent == packages} == {"torch", "referencing"}
    assert packages not in paths
    assert tmp_path not in paths
    engine = Path(landlock.__file__).parents[1]
    found = allowed_paths.read_paths([str(engine)], tmp_path)
    assert not [path for path in found if path == engine or path in engine.parents]
