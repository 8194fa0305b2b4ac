"""The commands of the guide run as they stand, from `cvaekit new` to a released assignment."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from shipped import ROOT

from cvaekit.author.scaffold import write_assignment

GUIDE = ROOT / "docs" / "add_an_assignment.md"
BIN = Path(sys.executable).parent


@pytest.mark.course  # its commands take most of a minute, and test_new_assignment.py runs most of them
def test_its_commands_run(tmp_path):
    folder, run = tmp_path, 0
    environment = os.environ | {"PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}", "JUPYTER_CONFIG_DIR": str(tmp_path)}
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if not line.startswith("    "):
            continue
        command, *arguments = shlex.split(line)
        if command == "cd":
            folder = (folder / arguments[0]).resolve()
            continue
        done = subprocess.run([command, *arguments], cwd=folder, env=environment, capture_output=True, text=True)
        found = 1 if "--mutate" in arguments else 0  # one check of an example does not notice every slip
        assert done.returncode == found, f"{line}\n{done.stdout}{done.stderr}"
        run += 1
    assert run > 5
    assert (folder / "release" / "rows" / "rows.ipynb").is_file()


def test_the_files_it_names_are_written(tmp_path):
    write_assignment(tmp_path, "rows")
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if match := re.match(r"\| `((?:graders|reference|assignments)/rows/)", line):
            for file in re.findall(r"`([^`]+)`", line.split("|")[1]):
                assert (tmp_path / (file if "/" in file else match[1] + file)).is_file(), file
