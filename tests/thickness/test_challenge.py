"""challenge.py, as a student runs it: digits measured once, kept, and measured again when stroke_width has changed."""

import os
import shutil
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pytest
from commands import interruptible
from shipped import KIT

from cvaekit import bank

ASSIGNMENT = KIT.assignment("thickness_cvae")
FOLDER, DATA = ASSIGNMENT.student_folder, KIT.data_folder / "MNIST" / "raw"
RIGHT = bank.solution(ASSIGNMENT)


def put_digits(folder, counts):
    """The first digits of the kit's two parts as a data set in `folder`."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, count in counts.items():
        for kind, header, size in (("images-idx3", 16, 784), ("labels-idx1", 8, 1)):
            content = (DATA / f"{part}-{kind}-ubyte").read_bytes()
            shortened = content[:4] + struct.pack(">I", count) + content[8 : header + count * size]
            (raw / f"{part}-{kind}-ubyte").write_bytes(shortened)


@pytest.fixture
def folder(tmp_path):
    """A copy of what a student has, with right work and 300 digits."""
    for name in ("challenge.py", "images.py", "work_file.py"):
        shutil.copy(FOLDER / name, tmp_path)
    (tmp_path / "thickness.py").write_text(RIGHT)
    put_digits(tmp_path / "data", {"train": 240, "t10k": 60})
    return tmp_path


def environment():
    keep = {name: value for name, value in os.environ.items() if name not in ("CVAEKIT_DATA", "THICKNESS_FILE")}
    return keep | {"PYTHONDONTWRITEBYTECODE": "1"}


def run(folder, *options):
    command = [sys.executable, "challenge.py", *options]
    return subprocess.run(command, cwd=folder, env=environment(), capture_output=True, text=True, timeout=120)


def test_everything_from_measuring_to_the_figure(folder):
    result = run(folder, "--epochs", "2")
    assert result.returncode == 0, result.stderr
    assert "measured 240 of 240 digits, 0 s left\n" in result.stdout
    assert "thin       80 training digits" in result.stdout
    assert "epoch 2 of 2:" in result.stdout
    assert (folder / "thickness_samples.png").read_bytes().startswith(b"\x89PNG")
    assert result.stderr == ""


def test_widths_are_kept_until_stroke_width_says_something_else(folder):
    first = run(folder, "--widths-only")
    again = run(folder, "--widths-only")
    assert "measured" in first.stdout
    assert "measured" not in again.stdout
    assert [line for line in first.stdout.splitlines() if "measured" not in line] == again.stdout.splitlines()
    (folder / "thickness.py").write_text(RIGHT.replace("width = 2 * distance", "width = 3 * distance"))
    changed = run(folder, "--widths-only")
    assert "measured 240 of 240" in changed.stdout
    assert (folder / "widths.npz").is_file()
    assert not (folder / "widths.part.npz").exists()


def test_a_damaged_file_of_widths_is_made_anew(folder):
    (folder / "widths.npz").write_bytes(b"PK\x03\x04 no more of it")
    result = run(folder, "--widths-only")
    assert result.returncode == 0, result.stderr
    with np.load(folder / "widths.npz") as kept:
        assert sorted(len(kept[name]) for name in kept) == [60, 240]


def test_a_figure_that_cannot_be_written_is_told_before_the_work(folder):
    result = run(folder, "--out", "missing/figure.png")
    assert result.returncode == 2
    assert "missing/figure.png cannot be written" in result.stderr
    assert "measured" not in result.stdout


def test_ctrl_c_ends_it_in_words_and_leaves_nothing_behind(folder):
    slow = RIGHT.replace("    visible = ", "    import time\n    time.sleep(0.1)\n    visible = ")
    (folder / "thickness.py").write_text(slow)
    command = [sys.executable, "challenge.py"]
    with interruptible():
        process = subprocess.Popen(
            command, cwd=folder, env=environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
        )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "Your work: thickness.py\n"
    time.sleep(6)  # 25 digits are measured first, to compare them with kept widths; then the pool begins
    os.killpg(process.pid, signal.SIGINT)
    _, printed = process.communicate(timeout=60)
    assert process.returncode == 130
    assert printed.splitlines()[-1] == "Interrupted."
    assert "Traceback" not in printed
    assert not list(folder.glob("widths*"))


def no_work(folder):
    (folder / "thickness.py").unlink()


def no_digits(folder):
    shutil.rmtree(folder / "data")


def damaged_digits(folder):
    path = folder / "data" / "MNIST" / "raw" / "t10k-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-5])


def open_gap(folder):
    shutil.copy(FOLDER / "thickness_starter.py", folder / "thickness.py")


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (no_work, "Copy thickness_starter.py to thickness.py to begin."),
        (no_digits, "No MNIST found: put MNIST/raw into a folder data beside this file"),
        (damaged_digits, "t10k-images-idx3-ubyte ends early: it is damaged"),
        (open_gap, "stroke_width failed: TypeError: "),
    ],
)
def test_what_can_be_mended_is_told_in_one_line(folder, spoil, told):
    spoil(folder)
    result = run(folder, "--widths-only")
    assert result.returncode == 2
    assert told in result.stderr
    assert len(result.stderr.splitlines()) == 1
