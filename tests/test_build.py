"""What students receive is made from the solutions, and nothing of a solution is left in it."""

import ast
import json
import shutil

import pytest
from shipped import KIT
from visible import imported

from cvaekit.author.generated_files import FRAME, differences, generated_files, write
from cvaekit.kit import Kit, KitError
from cvaekit.starter import starter

# The lines around a gap that a solution and its starter share
AROUND = {
    "conditional_vae": {'"""'},
    "explore_cvae": {
        "for _ in range(epochs):",
        "total = 0.0",
        "for chosen in torch.randperm(len(images)).split(batch_size):",
        "total += loss.item()",
        "history.append(mean)",
    },
    "thickness_cvae": {'"""', "if not visible:", "return 0.0"},
}


@pytest.fixture(scope="module", params=KIT.names())
def assignment(request):
    return KIT.assignment(request.param)


@pytest.fixture(scope="module")
def committed(assignment):
    """The starter's file."""
    return assignment.student_folder / assignment.starter


@pytest.fixture(scope="module")
def files(assignment):
    return generated_files(assignment)


@pytest.fixture(scope="module")
def generated(files, committed):
    return files[committed]


def solution_lines(assignment):
    """Every line of code that stands in a solution of the reference."""
    inside, lines = False, []
    for line in map(str.strip, assignment.reference_text.splitlines()):
        if line.startswith("### "):
            inside = line == "### BEGIN SOLUTION"
        elif inside and line and not line.startswith("#:"):
            lines.append(line)
    return lines


def test_committed_files_are_up_to_date(files):
    assert differences(files) == []


def test_the_frame_stands_alone_beside_the_test(assignment, files):
    texts = {path.name: text for path, text in files.items() if path.suffix == ".py"}
    assert set(texts) == {assignment.starter, *FRAME, *assignment.shared}
    assert [name for name, text in texts.items() if "cvaekit" in text.replace("CVAEKIT", "")] == []


def test_the_plan_of_the_tasks_is_the_manifests(assignment, files):
    plan = json.loads(files[assignment.student_folder / "tasks.json"])
    assert (plan["title"], plan["file"]) == (assignment.title, assignment.files[0])
    keys = ("id", "points", "symbol", "gaps", "hint", "depends_on")
    told = [json.loads(task.model_dump_json(include=set(keys))) for task in assignment.tasks]
    assert plan["tasks"] == told


def test_starter_holds_no_solution_and_no_marker(assignment, generated):
    lines = solution_lines(assignment)
    assert len(lines) > 8
    assert set(lines) & {line.strip() for line in generated.splitlines()} == AROUND[assignment.name]
    assert "SOLUTION" not in generated
    assert "#:" not in generated


def test_every_task_is_named_at_its_gap(generated, assignment):
    for task in assignment.tasks:
        if not task.gaps:
            continue
        region = generated.split(f"# TODO ({task.id})")[1].split("# TODO")[0]
        for gap in task.gaps:
            assert any(gap in line and "..." in line for line in region.splitlines()), gap


def test_starter_imports_and_keeps_the_references_names(assignment, committed):
    assert assignment.title.partition(":")[0] in str(imported(committed).__doc__)

    def names(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return [(n.name, [a.arg for a in n.args.args]) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]

    assert names(committed) == names(assignment.reference_file)


def test_starter_lines_keep_their_indentation():
    lines = ["a", "    ### BEGIN SOLUTION", "    #: x = ...", "    #:     y = ...", "    #:", "    x = 1"]
    reference = "\n".join([*lines, "    ### END SOLUTION", "b"])
    assert starter(reference) == "a\n    x = ...\n        y = ...\n\nb\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a\n### BEGIN SOLUTION\nx = 1\n", "model.py, line 2: the solution begun here never ends"),
        (
            "### BEGIN SOLUTION\n### BEGIN SOLUTION\n",
            "model.py, line 2: a solution begins inside the one begun in line 1",
        ),
        ("a\n### END SOLUTION\n", "model.py, line 2: a solution ends that was never begun"),
        ("a\n#: x = ...\n", "model.py, line 2: a starter's line outside a solution"),
    ],
)
def test_misplaced_markers_are_errors(text, message):
    with pytest.raises(ValueError, match=message):
        starter(text, "model.py")


def test_differences_show_what_changed(tmp_path):
    folder = tmp_path / "assignments" / "rows"
    same, stale, missing = (folder / name for name in ("same.py", "stale.py", "missing.py"))
    write({same: "x = 1\n", stale: "x = 1\n"})
    found = differences({same: "x = 1\n", stale: "x = 2\n", missing: ""})
    assert found[1] == "assignments/rows/missing.py is missing"
    assert found[0].startswith("assignments/rows/stale.py is out of date\n")
    assert "-x = 1\n+x = 2" in found[0]
    assert len(found) == 2


def changed(tmp_path, **fields):
    """Exercise 3 in a kit of its own, without its images and tests, with other entries in its manifest."""
    for part in ("graders", "reference", "assignments"):
        shutil.copytree(KIT.root / part / "conditional_vae", tmp_path / part / "conditional_vae")
    for name in KIT.assignment("conditional_vae").shared:
        shutil.copy(KIT.root / "reference" / name, tmp_path / "reference")
    found = Kit(tmp_path).assignment("conditional_vae").model_copy(update=fields)
    found._kit, found._name = Kit(tmp_path), "conditional_vae"
    return found


def test_a_shared_file_that_is_missing_is_told(tmp_path):
    with pytest.raises(KitError, match=r"^reference/nowhere\.py is missing; write it, or take it out of `shared` in "):
        generated_files(changed(tmp_path, shared=("nowhere.py",)))


def test_a_reference_that_python_cannot_read_is_told(tmp_path):
    found = changed(tmp_path)
    found.reference_file.write_text("def f(:\n")
    with pytest.raises(KitError, match=r"/cvae\.py, line 1: "):
        generated_files(found)


def test_a_folder_that_cannot_be_written_to_is_an_error_with_its_name(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(OSError, match="file"):
        write({tmp_path / "file" / "starter.py": "x = 1\n"})
