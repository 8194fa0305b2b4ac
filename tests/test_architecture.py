"""The engine's layers: who may import whom, what it may speak of, and how long a file may be."""

import ast
import re
from graphlib import TopologicalSorter

import pytest
from shipped import ROOT

ENGINE = ROOT / "cvaekit"
# From the lowest to the highest; a part imports from itself and from those before it. docs/architecture.md draws it.
LAYERS = (
    *("text", "content", "starter", "manifest", "kit", "bank", "real_life", "student"),
    *("submission", "sandbox", "compare", "report", "explain", "grading", "statistics"),
    *("notebook", "audit", "author", "command"),
)
FOREIGN = re.compile(
    r"(?i)(?<!c)vae\b|\bvae|digit|\bnats?\b|label|latent|mnist|\bkl\b|elbo|(en|de)coder|stroke|posterior|reparam"
)
LONGEST = 300
GENERATED = re.compile(r"assignments/\w+/(exercise|gaps|work_file|images|cvae_checks|\w+_starter)\.py$")
SCRIPT = "assignments/explore_cvae/conditional_vae.py"  # what students read and run
HANDED_IN = "/real_life/"  # banks of whole files, in the style and the encoding that they came with
FILES = sorted(ENGINE.rglob("*.py"))


def imported(path):
    """The engine's modules that a file imports, anywhere in it; those for type checking alone left out."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    unchecked = {
        inner
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in unchecked:
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "cvaekit":
            yield from (resolved(f"{node.module}.{alias.name}") or node.module for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] == "cvaekit")


def resolved(name):
    """`name` if it is a module of the engine."""
    path = ROOT / name.replace(".", "/")
    return name if path.with_suffix(".py").is_file() or (path / "__init__.py").is_file() else None


def module(path):
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def layer(name):
    return name.split(".")[1]


@pytest.mark.parametrize("path", FILES, ids=module)
def test_nothing_is_imported_from_a_higher_layer(path):
    own = module(path)
    if own == "cvaekit":
        assert list(imported(path)) == []
        return
    allowed = LAYERS[: LAYERS.index(layer(own)) + 1]
    assert [name for name in imported(path) if layer(name) not in allowed] == []


def test_no_two_modules_import_each_other():
    graph = {module(path): set(imported(path)) - {module(path)} for path in FILES}
    TopologicalSorter(graph).prepare()  # CycleError names the circle


def test_a_circle_would_be_found():
    with pytest.raises(ValueError, match="nodes are in a cycle"):
        TopologicalSorter({"a": {"b"}, "b": {"a"}}).prepare()


def prose_and_code(path):
    """A file's text without the examples in its docstrings, which may speak of anything."""
    return re.sub(r"`[^`\n]*`", "", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "path",
    [path for path in ENGINE.rglob("*") if path.is_file() and "__pycache__" not in path.parts],
    ids=lambda path: path.name,
)
def test_the_engine_speaks_of_no_assignment(path):
    assert FOREIGN.findall(prose_and_code(path)) == []


def test_files_can_be_read_in_one_sitting():
    folders = [ROOT / name for name in ("cvaekit", "graders", "reference", "assignments", "tests")]
    paths = [path for folder in folders for path in folder.rglob("*.py") if HANDED_IN not in path.as_posix()]
    long = {}
    for path in paths:
        name = path.relative_to(ROOT).as_posix()
        lines = len(path.read_text(encoding="utf-8").splitlines())
        if lines > LONGEST and name != SCRIPT and not GENERATED.search(name):
            long[name] = lines
    assert long == {}
