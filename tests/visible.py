"""Run visible tests as a student does, many files of work in one process: importing torch takes longer than a run."""

import importlib.util
import json
import os
import re
import subprocess
import sys

# Runs pytest once per file of work.
RUNNER = """
import contextlib, io, json, os, sys
import pytest

test, variable, jobs = json.loads(sys.argv[1])
for name, options, data in jobs:
    os.environ.pop(variable, None)
    if not name.endswith("_starter.py"):
        os.environ[variable] = name
    os.environ["CVAEKIT_DATA"] = data
    sys.modules.pop(test, None)
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
        code = pytest.main([*"-p no:cacheprovider -p no:unraisableexception".split(), *options, f"{test}.py"])
    states = sys.modules[test].EXERCISE.states
    print(json.dumps({"code": int(code), "states": states, "shown": shown.getvalue()}), flush=True)
"""


def pytest_in(folder, *command, **variables):
    """Exit code and output of a Python command in `folder`; no traceback may be shown, and no chained exception."""
    kept = {name: value for name, value in os.environ.items() if not re.fullmatch(r"[A-Z]+_FILE|CVAEKIT_DATA", name)}
    environment = kept | {"OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"} | variables
    finished = subprocess.run(
        [sys.executable, *map(str, command)], cwd=folder, env=environment, capture_output=True, text=True, timeout=240
    )
    for trace in ("Traceback", "During handling", "exercise.py:"):
        assert trace not in finished.stdout + finished.stderr
    return finished.returncode, finished.stdout


def run_many(folder, test, variable, cases, data):
    """Name -> code, states and shown of every case (text, options, and whether it has data), run in `folder`."""
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "runner.py").write_text(RUNNER)
    jobs = []
    for number, (name, (text, options, with_data)) in enumerate(cases.items()):
        file = f"{variable.removesuffix('_FILE').lower()}_starter.py" if name == "untouched" else f"mine_{number}.py"
        (folder / file).write_bytes(text if isinstance(text, bytes) else text.encode())
        jobs.append((file, options, str(data if with_data else folder)))
    _, shown = pytest_in(folder, "runner.py", json.dumps([test, variable, jobs]))
    return dict(zip(cases, map(json.loads, shown.splitlines()), strict=True))


def imported(path):
    """The module that a file makes, without a place among the imported modules."""
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def table(shown):
    """Task -> state, as the summary shows them."""
    return dict(re.findall(r"^(\w+) +[\d.]+ points   (.+)$", shown, re.MULTILINE))
