"""What students run beside the starters of the newer assignments: right work passes, mistakes are told in words."""

import importlib
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import types

import pytest
import torch

from graders import manifest
from graders.checks import bank

SHORT = {"explore_cvae": "explore", "thickness_cvae": "thickness"}
# What the visible tests do not look for, and the grader does
UNSEEN = {
    "nats_clamped_in_place",
    "active_centred_in_place",
    "epochs_list_emptied",
    "width_nearest_neighbour",
    "width_chessboard",
}


@pytest.fixture(scope="module", params=SHORT)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def visible(name):
    """The module with the visible tests of an assignment."""
    folder = manifest.ROOT / "assignments" / name
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        for module in ("exercise", "conditional_vae", "challenge"):
            patch.delitem(sys.modules, module, raising=False)
        yield importlib.import_module(f"test_{SHORT[name]}")


def judged(visible, task, source):
    """The verdict of one visible test on a submission's text: None, or what it says is wrong."""
    work = visible.EXERCISE
    work.module = types.ModuleType("work")
    exec(compile(source, "work.py", "exec"), work.module.__dict__)
    torch.manual_seed(20)
    try:
        getattr(visible, f"test_{task}").__wrapped__(work)
    except visible.Wrong as wrong:
        return wrong
    return None


def slow(name):
    return {task.id for task in manifest.load(name).tasks if task.slow}


def test_tasks_are_the_manifests(name, visible):
    for task in manifest.load(name).tasks:
        told = visible.TASKS[task.id]
        assert (told.points, told.hint, told.gaps) == (task.points, task.hint, task.gaps), task.id
        assert told.function == task.symbol.rpartition(".")[2]
    assert len(visible.TASKS) == len(manifest.load(name).tasks)


def test_mistakes_are_told_in_words(name, visible):
    entries = bank.load(name)
    missed = []
    for entry in entries.mistakes:
        if entry.task in slow(name):
            continue
        wrong = judged(visible, entry.task, entry.source(entries.reference))
        if wrong is None:
            missed.append(entry.id)
            continue
        for part in (wrong.called, wrong.got, wrong.wanted):
            assert part, entry.id
            assert "Traceback" not in part
    assert set(missed) == UNSEEN & {entry.id for entry in entries.mistakes}


def test_right_answers_pass_however_they_are_written(name, visible):
    entries = bank.load(name)
    for entry in entries.variants:
        if entry.task not in slow(name):
            wrong = judged(visible, entry.task, entry.source(entries.reference))
            assert wrong is None, (entry.id, wrong.got)


def run(name, path, tmp_path, folder=None):
    """What `pytest` prints in the assignment's folder, with the work in `path`, and its exit code."""
    folder = folder or manifest.ROOT / "assignments" / name
    environment = os.environ | {f"{SHORT[name].upper()}_FILE": str(path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", folder]
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=120)
    return result.returncode, result.stdout


def test_the_untouched_starter_is_told_what_is_next(name, tmp_path):
    found = manifest.load(name)
    starter = manifest.ROOT / "assignments" / name / found.settings["starter"]
    code, printed = run(name, starter, tmp_path)
    assert code == 1
    assert f"0 of {len(found.tasks)} tasks right" in printed
    assert f"next: {found.tasks[0].id}" in printed
    assert printed.count("points   not started") == len(found.tasks) - 1
    assert "waits for" in printed


def test_right_work_is_right_to_the_end(name, tmp_path):
    entries, found = bank.load(name), manifest.load(name)
    path = tmp_path / "work.py"
    path.write_text(bank.Entry(id="reference", task=found.tasks[0].id).source(entries.reference))
    kept = manifest.ROOT / "assignments" / name / "widths.npz"
    try:
        code, printed = run(name, path, tmp_path)
    finally:
        kept.unlink(missing_ok=True)
    assert f"{len(found.tasks)} of {len(found.tasks)} tasks right" in printed
    assert code == 0


def test_a_file_that_cannot_be_read_is_told(name, tmp_path):
    path = tmp_path / "work.py"
    path.write_text("def f(:\n")
    code, printed = run(name, path, tmp_path)
    assert code == 1
    assert re.search(r"next: work\.py cannot be imported", printed)


def test_an_empty_folder_left_by_a_download_is_passed_over(tmp_path, monkeypatch):
    folder = tmp_path / "explore_cvae"
    (folder / "data" / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "data").symlink_to(manifest.ROOT / "assignments" / "data")
    shutil.copy(manifest.ROOT / "reference" / "exercise.py", folder)
    monkeypatch.delenv("CVAEKIT_DATA", raising=False)
    spec = importlib.util.spec_from_file_location("copied", folder / "exercise.py")
    copied = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "copied", copied)  # where its dataclasses look for their annotations
    spec.loader.exec_module(copied)
    images, labels = copied.read_set("t10k")
    assert (len(images), len(labels)) == (1000, 1000)
    with pytest.raises(copied.Problem, match="No Golf found"):
        copied.read_set("t10k", "Golf")


def test_without_images_the_rest_is_judged(name, tmp_path, monkeypatch):
    monkeypatch.delenv("CVAEKIT_DATA", raising=False)
    folder = tmp_path / "alone" / name
    shutil.copytree(manifest.ROOT / "assignments" / name, folder, ignore=shutil.ignore_patterns("data", "__pycache__"))
    entries, path = bank.load(name), folder / "mine.py"
    path.write_text(bank.Entry(id="reference", task=manifest.load(name).tasks[0].id).source(entries.reference))
    _, printed = run(name, path, tmp_path, folder)
    assert re.search(r"not run: No (Fashion)?MNIST found: put", printed)
    assert len(re.findall(r"points   right", printed)) >= 6
    assert "Traceback" not in printed
