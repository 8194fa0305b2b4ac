"""What students run beside the starters, for every assignment: right work passes, mistakes are told in words."""

import ast
import importlib
import re
import shutil
import sys
import types

import pytest
import torch
from shipped import KIT, ROOT
from visible import imported, pytest_in, table

from cvaekit import bank
from cvaekit.author.generated_files import FRAME

# The module with the visible tests; the bank of Exercise 3 is tried in test_public_tests.
TESTS = {"conditional_vae": "test_cvae", "explore_cvae": "test_explore", "thickness_cvae": "test_thickness"}
# What the visible tests do not look for, and the grader does
UNSEEN = {
    "nats_clamped_in_place",
    "active_centred_in_place",
    "epochs_list_emptied",
    "width_nearest_neighbour",
    "width_chessboard",
    "width_half_maximum",
    "width_fixed_threshold",
    "cuts_of_distinct_widths",
    "encode_relu_six",
    "encode_logvar_clipped",
    "decode_code_clipped",
    "even_label_softened",
    "even_label_spread",
    "even_zero_half_as_often",
    "sizes_margin_in_percent",
    "train_step_per_epoch",
    "train_short_batch_without_step",
    "nats_logvar_limited",
    "kl_unit_logvar_limited",
    "active_default_doubled",
    "map_default_smaller",
    "sizes_default_shorter",
    "train_mu_limited",
    "train_labels_overwritten",
}


@pytest.fixture(scope="module", params=TESTS)
def assignment(request):
    return KIT.assignment(request.param)


@pytest.fixture(scope="module")
def visible(assignment):
    """The module with the visible tests of an assignment."""
    others = [path.stem for path in assignment.student_folder.glob("*.py")]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(assignment.student_folder)
        for module in others:
            patch.delitem(sys.modules, module, raising=False)
        yield importlib.import_module(TESTS[assignment.name])
        for module in others:
            sys.modules.pop(module, None)


def judged(visible, task, source):
    """The verdict of one visible test on a submission's text: None, or what it says is wrong."""
    work = visible.EXERCISE
    work.module, work.tree = types.ModuleType("work"), ast.parse(source)
    exec(compile(source, "work.py", "exec"), work.module.__dict__)
    torch.manual_seed(20)
    try:
        getattr(visible, f"test_{task}").__wrapped__(work)
    except visible.Wrong as wrong:
        return wrong
    return None


def slow(assignment):
    return {task.id for task in assignment.tasks if task.slow}


def test_every_task_has_a_test(assignment, visible):
    tasks = [task.id for task in assignment.tasks]
    assert list(visible.EXERCISE.tasks) == tasks
    assert {name for name in vars(visible) if name.startswith("test_")} == {"test_file", *(f"test_{t}" for t in tasks)}


def test_mistakes_are_told_in_words(assignment, visible):
    if assignment.name == "conditional_vae":
        return
    entries = bank.load(assignment)
    missed = []
    for entry in entries.mistakes:
        if entry.task in slow(assignment):
            continue
        wrong = judged(visible, entry.task, entry.source(entries.reference))
        if wrong is None:
            missed.append(entry.id)
            continue
        for part in (wrong.called, wrong.got, wrong.wanted):
            assert part, entry.id
            assert "Traceback" not in part
    assert set(missed) == UNSEEN & {entry.id for entry in entries.mistakes}


def test_right_answers_pass_however_they_are_written(assignment, visible):
    entries = bank.load(assignment)
    step = 6 if assignment.name == "conditional_vae" else 1  # a sample of that large bank
    for entry in entries.variants[::step]:
        if entry.task not in slow(assignment):
            wrong = judged(visible, entry.task, entry.source(entries.reference))
            assert wrong is None, (entry.id, wrong.got)


def copied(assignment, folder):
    """What a student has: the assignment's folder, without data."""
    ignored = shutil.ignore_patterns("data", "__pycache__", "*.ipynb", "widths.npz")
    return shutil.copytree(assignment.student_folder, folder / assignment.name, ignore=ignored)


def pytest_here(folder, *options, **variables):
    return pytest_in(
        folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", *options, **variables
    )


def test_the_untouched_starter_is_told_what_is_next(assignment, tmp_path):
    code, printed = pytest_here(copied(assignment, tmp_path))
    assert code == 1
    assert f"0 of {len(assignment.tasks)} tasks right" in printed
    assert f"next: {assignment.tasks[0].id}" in printed
    assert printed.count("points   not started") == len(assignment.tasks) - 1
    assert "waits for" in printed


def test_right_work_is_right_to_the_end(assignment, tmp_path):
    folder = copied(assignment, tmp_path)
    (folder / assignment.files[0]).write_text(bank.solution(assignment))
    code, printed = pytest_here(folder, CVAEKIT_DATA=str(KIT.data_folder))
    assert f"{len(assignment.tasks)} of {len(assignment.tasks)} tasks right" in printed
    assert "The grader asks for more of the same" in printed
    assert code == 0


def test_without_images_the_rest_is_judged(assignment, tmp_path):
    folder = copied(assignment, tmp_path)
    (folder / assignment.files[0]).write_text(bank.solution(assignment))
    _, printed = pytest_here(folder)
    assert re.search(r"not run: No (Fashion)?MNIST found: put", printed)
    assert len(re.findall(r"points   right", printed)) >= 6


def test_all_assignments_in_one_run(tmp_path):
    """`pytest` in the folder above, where modules of one name lie in every folder."""
    mistakes = {"explore_cvae": "sizes_best_only", "thickness_cvae": "encode_stacked_rows"}
    for assignment in KIT.assignments():
        folder, entries = copied(assignment, tmp_path), bank.load(assignment)
        chosen = [entry for entry in entries.mistakes if entry.id == mistakes.get(assignment.name)]
        text = chosen[0].source(entries.reference) if chosen else bank.solution(assignment)
        (folder / assignment.files[0]).write_text(text)
    (tmp_path / "data").symlink_to(KIT.data_folder)
    code, printed = pytest_here(tmp_path, "-k", "not training and not fashion")
    assert code == 1
    sections = re.split(r"^=+ .+ \((\w+\.py)\) =+$", printed, flags=re.MULTILINE)[1:]
    states = {file: table(shown) for file, shown in zip(sections[::2], sections[1::2], strict=True)}
    assert list(states) == ["cvae.py", "explore.py", "thickness.py"]
    wrong = {file: [task for task, state in found.items() if state == "wrong"] for file, found in states.items()}
    assert wrong == {"cvae.py": [], "explore.py": ["compare_sizes"], "thickness.py": ["encode"]}
    right = [state for found in states.values() for state in found.values() if state == "right"]
    assert len(right) == sum(len(assignment.tasks) for assignment in KIT.assignments()) - 3 - 2


# --------------------------------------------------------------------------------- the files that lie beside the tests


@pytest.fixture
def images(tmp_path, monkeypatch):
    """`reference/images.py` as a module of a student's folder."""
    monkeypatch.delenv("CVAEKIT_DATA", raising=False)
    return imported(ROOT / "reference" / "images.py")


def test_an_empty_folder_left_by_a_download_is_passed_over(images, tmp_path):
    folder = tmp_path / "explore_cvae"
    (folder / "data" / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "data").symlink_to(KIT.data_folder)
    found, labels = images.read_set(folder, "t10k")
    assert (found.shape, labels.shape) == ((1000, 28, 28), (1000,))
    with pytest.raises(images.ImagesError, match="No Golf found"):
        images.read_set(folder, "t10k", "Golf")


def test_the_folder_that_a_variable_names_comes_first(images, tmp_path, monkeypatch):
    shutil.copytree(KIT.data_folder / "FashionMNIST", tmp_path / "named" / "MNIST")
    (tmp_path / "data").symlink_to(KIT.data_folder)
    monkeypatch.setenv("CVAEKIT_DATA", str(tmp_path / "named"))
    assert len(images.read_set(tmp_path, "train")[0]) == 2000


def test_a_damaged_file_is_told(images, tmp_path):
    shutil.copytree(KIT.data_folder / "MNIST", tmp_path / "data" / "MNIST")
    path = tmp_path / "data" / "MNIST" / "raw" / "train-images-idx3-ubyte"
    for content, told in ((path.read_bytes()[:-5], "ends early"), (b"<html>", "is no IDX file")):
        path.write_bytes(content)
        with pytest.raises(images.ImagesError, match=f"^train-images-idx3-ubyte {told}"):
            images.read_set(tmp_path, "train")


def test_messages_blame_nobody(assignment):
    words = re.compile(r"\b(just|simply|obviously|easy|trivial)\b", re.IGNORECASE)
    for path in [*assignment.student_folder.glob("*.py"), assignment.handout_file]:
        assert not words.search(path.read_text(encoding="utf-8")), path.name


def test_the_handout_names_every_task_with_its_points_and_what_lies_beside_the_test(assignment):
    text = assignment.handout_file.read_text(encoding="utf-8")
    headings = re.findall(r"^### Task (\d): (\w+)$", text, re.MULTILINE)
    assert headings == [(str(number), task.id) for number, task in enumerate(assignment.tasks, start=1)]
    for number, task in enumerate(assignment.tasks, start=1):
        assert task.handout == f"task-{number}-{task.id}"
        assert re.search(rf"\| `{task.id}` \|(?: .+ \|)? {task.points:g} \|", text)
    assert f"{assignment.max_score:g} points" in text
    for name in (*FRAME, "tasks.json", *assignment.shared):
        assert f"`{name}`" in text
