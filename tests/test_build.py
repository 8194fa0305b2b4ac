"""What students receive is made from the solutions, and nothing of a solution is left in it."""

import ast
import importlib.util

import pytest

from graders.build import differences, generated_files, starter, write
from graders.manifest import ROOT, assignments, load

# The lines around a gap that a solution and its starter share
FRAMES = {
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


@pytest.fixture(scope="module", params=assignments())
def manifest(request):
    return load(request.param)


@pytest.fixture(scope="module")
def committed(manifest):
    """The starter's file."""
    return ROOT / "assignments" / manifest.name / manifest.settings["starter"]


@pytest.fixture(scope="module")
def reference(manifest):
    """The file that it is made from."""
    return ROOT / "reference" / manifest.name / manifest.settings["reference"]


@pytest.fixture(scope="module")
def generated(manifest, committed):
    return generated_files(manifest.name)[committed]


def solution_lines(reference):
    """Every line of code that stands in a solution of the reference."""
    inside, lines = False, []
    for line in map(str.strip, reference.read_text(encoding="utf-8").splitlines()):
        if line.startswith("### "):
            inside = line == "### BEGIN SOLUTION"
        elif inside and line and not line.startswith("#:"):
            lines.append(line)
    return lines


def test_committed_files_are_up_to_date(manifest):
    assert differences(generated_files(manifest.name)) == []


def test_starter_holds_no_solution_and_no_marker(manifest, generated, reference):
    lines = solution_lines(reference)
    assert len(lines) > 8
    assert set(lines) & {line.strip() for line in generated.splitlines()} == FRAMES[manifest.name]
    assert "SOLUTION" not in generated
    assert "#:" not in generated


def test_every_task_is_named_at_its_gap(generated, manifest):
    for task in manifest.tasks:
        if not task.gaps:
            continue
        region = generated.split(f"# TODO ({task.id})")[1].split("# TODO")[0]
        for gap in task.gaps:
            assert any(gap in line and "..." in line for line in region.splitlines()), gap


def test_starter_imports_and_keeps_the_references_names(manifest, committed, reference):
    spec = importlib.util.spec_from_file_location("starter", committed)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert manifest.title.partition(":")[0] in module.__doc__

    def names(path):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        return [(n.name, [a.arg for a in n.args.args]) for n in ast.walk(tree) if isinstance(n, ast.FunctionDef)]

    assert names(committed) == names(reference)


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
    same, stale, missing = (tmp_path / name for name in ("same.py", "stale.py", "missing.py"))
    write({same: "x = 1\n", stale: "x = 1\n"})
    found = differences({same: "x = 1\n", stale: "x = 2\n", missing: ""})
    assert found[1] == "missing.py is missing"
    assert found[0].startswith("stale.py is out of date\n")
    assert "-x = 1\n+x = 2" in found[0]
    assert len(found) == 2


def test_unknown_assignment():
    with pytest.raises(KeyError, match="no assignment 'golf'"):
        generated_files("golf")
