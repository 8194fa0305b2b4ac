"""Each worker has a small folder to write in, which nobody else reads and which is gone afterwards."""

import time
from pathlib import Path

import pytest

from cvaekit.sandbox import Raised
from cvaekit.sandbox.own_folder import MOST_BYTES, MOST_FILES, OwnFolders

WRITES = """
import logging, os, pathlib, tempfile
import torch

logging.basicConfig(filename="run.log")
logging.warning("begun")
os.makedirs("results/figures", exist_ok=True)

def f():
    torch.save({"w": torch.ones(3)}, "results/model.pt")
    with tempfile.TemporaryFile() as file:
        file.write(b"x")
    with open("log.txt", "a") as log:
        log.write("called")
    pathlib.Path("results/a.txt").write_text("a")
    os.replace("results/a.txt", "results/b.txt")
    kept = float(torch.load("results/model.pt")["w"].sum())
    return kept + len(pathlib.Path("run.log").read_text().splitlines())

def where():
    return os.getcwd()

def seen(path):
    return open(path).read()
"""


def test_what_scripts_write_is_written_and_then_gone(locked):
    with locked.worker(WRITES.encode(), "cvae.py") as worker:
        assert worker.ask("call", name="f") == 4.0
        folder = Path(worker.ask("call", name="where"))
        assert (folder / "results" / "b.txt").read_text() == "a"
    assert not folder.exists()


def test_another_worker_reads_nothing_of_it(locked):
    with locked.worker(WRITES.encode(), "a.py") as one, locked.worker(WRITES.encode(), "b.py") as other:
        one.ask("call", name="f")
        parent = Path(one.ask("call", name="where")).parent
        assert parent == Path(other.ask("call", name="where")).parent
        with pytest.raises(Raised, match="PermissionError"):
            other.ask("call", name="seen", path=str(parent))


def test_folders_without_permissions_are_removed_too(tmp_path):
    folders = OwnFolders(tmp_path)
    folder = folders.make()
    folders.assign(folder, 1)
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("x")
    (folder / "a").chmod(0)
    folders.remove(1)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("what", ["bytes", "files", "folders"])
def test_a_folder_that_grows_too_large_is_seen(tmp_path, what):
    folders = OwnFolders(tmp_path)
    folder = folders.make()
    folders.assign(folder, 7)
    (folder / "few").mkdir()
    assert folders.too_large() == []
    if what == "bytes":
        for number in range(5):
            (folder / "few" / str(number)).write_bytes(bytes(MOST_BYTES // 4))
    for number in range(MOST_FILES if what != "bytes" else 0):
        path = folder / "few" / str(number)
        path.mkdir() if what == "folders" else path.touch()
    assert folders.too_large() == [7]


def test_the_folders_end_with_the_sandbox(locked):
    _, parent = locked.wait_ready()["folders"]
    with locked.worker(WRITES.encode(), "cvae.py") as worker:
        worker.ask("call", name="f")
        assert len(list(Path(parent).iterdir())) >= 1
    for _ in range(100):
        if not list(Path(parent).iterdir()):
            return
        time.sleep(0.05)
    raise AssertionError("a folder is left")
