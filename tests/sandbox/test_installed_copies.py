"""Wherever engine and kit are installed: a worker runs the engine that started it, and reads no file of either."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from small_kit import write

import cvaekit
from cvaekit.sandbox import Sandbox

ENGINE = Path(cvaekit.__file__).parent
PROBES = Path(__file__).with_name("probes.py")
MARKED = """
import sys
def mark(): return sys.modules["cvaekit.sandbox.worker"].MARK
def engine(): return sorted({m.__file__ for n, m in sys.modules.items() if n.split(".")[0] == "cvaekit"})
"""


@pytest.mark.parametrize("device", ["cpu", "cold-cpu"])
def test_a_worker_runs_the_engine_that_started_it(device, tmp_path):
    """Although another copy of the engine is on the path, and may be installed."""
    copy = tmp_path / "elsewhere" / "cvaekit"
    shutil.copytree(ENGINE, copy, ignore=shutil.ignore_patterns("__pycache__"))
    with (copy / "sandbox" / "worker.py").open("a") as worker:
        worker.write("\nMARK = 'the copy'\n")
    script = f"""
import sys
sys.path.insert(0, {str(copy.parent)!r})
from pathlib import Path
from cvaekit.sandbox import Sandbox
sys.path.insert(0, {str(ENGINE.parent)!r})
with Sandbox(Path({str(PROBES)!r}), Path({str(tmp_path)!r})) as sandbox:
    with sandbox.worker({MARKED.encode()!r}, "cvae.py", device={device!r}) as worker:
        print(worker.ask("call", name="mark"), *worker.ask("call", name="engine"), sep="\\n")
"""
    environment = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ENGINE.parent)}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ENGINE.parent, env=environment)
    mark, *files = done.stdout.splitlines() or [done.stderr]
    assert mark == "the copy"
    assert len(files) > 5
    assert not [path for path in files if not path.startswith(f"{copy}/")]


SPY = b"""
import os
def readable(paths):
    return [path for path in paths if not denied(path)]
def denied(path):
    try:
        os.listdir(path) if path.endswith("/") else open(path, "rb").close()
    except PermissionError:
        return True
"""


def contents(folder):
    """Every file and every folder below `folder`, the latter with a slash at its end."""
    return [str(path) + "/" * path.is_dir() for path in (folder, *folder.rglob("*"))]


@pytest.mark.parametrize("place", ["kit", "site-packages/my_kit", "site-packages"])
def test_a_submission_reads_nothing_of_kit_and_engine(locked, place, tmp_path, monkeypatch):
    """Also where the kit is a folder among installed packages, and its path holds a link."""
    packages = tmp_path / "site-packages"
    for file in ("neighbour/__init__.py", "cvaekit/__init__.py", "cvaekit-1.dist-info/RECORD"):
        (packages / file).parent.mkdir(parents=True)
        (packages / file).write_text("")
    kit = write(tmp_path / place, probes=PROBES.read_text())
    (tmp_path / "link").symlink_to(kit.root)
    monkeypatch.setattr(sys, "path", [*sys.path, str(packages)])
    hidden = [path for part in ("graders", "reference", "assignments") for path in contents(kit.root / part)]
    hidden += contents(ENGINE) + contents(packages / "cvaekit") + contents(packages / "cvaekit-1.dist-info")
    hidden += [f"{tmp_path}/", f"{tmp_path}/link/", f"{packages}/", f"{ENGINE.parent}/"]
    open_to_all = [str(packages / "neighbour" / "__init__.py"), f"{packages}/neighbour/"]
    probes = tmp_path / "link" / "graders" / "doubling" / "probes.py"
    with Sandbox(probes, tmp_path / "link") as sandbox, sandbox.worker(SPY, "cvae.py") as worker:
        assert worker.ask("call", name="readable", paths=[*hidden, *open_to_all]) == open_to_all
