"""What the tests beside a starter have in common: find the work and the data, judge task by task, and say what is next.

Each task is judged on its own: *not started* while a `...` of it is still there, otherwise *right* or *wrong*, and if
wrong, what was called, what came back and what was wanted.
"""

import ast
import functools
import gzip
import importlib.util
import os
import struct
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

import pytest
import torch

HERE = Path(__file__).resolve().parent


class Problem(Exception):
    """Something that the user can mend; the text says how."""


class Wrong(Exception):
    """A property that does not hold, told as call, answer, wish and hint."""

    def __init__(self, called, got, wanted, hint=None):
        self.called, self.got, self.wanted, self.hint = called, got, wanted, hint


# ------------------------------------------------------------------------------------------- your work and the data


def find_work(stem):
    """`stem`.py, or the starter where there is none, or the file that the variable STEM_FILE names."""
    variable = f"{stem.upper()}_FILE"
    if named := os.environ.get(variable):
        path = Path(named).resolve()
        missing = f"{variable} names a file that is not there: {path}"
    else:
        path = HERE / (f"{stem}.py" if (HERE / f"{stem}.py").is_file() else f"{stem}_starter.py")
        missing = f"There is no {stem}.py in {HERE}. Copy {stem}_starter.py to {stem}.py to begin."
    if not path.is_file():
        raise Problem(missing)
    return path


def load_work(path):
    """The module in a file, imported anew."""
    spec = importlib.util.spec_from_file_location(f"work_{path.stem}", path)
    assert spec is not None  # a file's name ends in .py
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def read_set(part, name="MNIST"):
    """Images (n, 28, 28) uint8 and labels (n,) int64 of `train` or `t10k`, from the first folder that has them.

    The folders: CVAEKIT_DATA, `data` beside this file, `../data`.
    """
    places = [HERE / "data", HERE.parent / "data"]
    if named := os.environ.get("CVAEKIT_DATA"):
        places.insert(0, Path(named))
    raw = next((place / name / "raw" for place in places if _holds(place / name / "raw", part)), None)
    if raw is None:
        raise Problem(
            f"No {name} found: put {name}/raw into a folder data beside this file, or name its place in CVAEKIT_DATA."
        )
    return _read_idx(raw, f"{part}-images-idx3-ubyte"), _read_idx(raw, f"{part}-labels-idx1-ubyte").long()


def _holds(raw, part):
    """Whether a folder has the images of a part; an empty one may be left over from a download."""
    return any((raw / f"{part}-images-idx3-ubyte{end}").is_file() for end in ("", ".gz"))


def _read_idx(raw, name):
    path = raw / name if (raw / name).is_file() else raw / f"{name}.gz"
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        start = 4 + 4 * content[3]
        shape = struct.unpack(f">{content[3]}I", content[4:start])
        return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(shape)
    except (OSError, EOFError, zlib.error, IndexError, ValueError, RuntimeError, struct.error) as error:
        raise Problem(f"{path} cannot be read, or is damaged: {error}") from None


# --------------------------------------------------------------------------------------------------- task by task


@dataclass(frozen=True)
class Task:
    """Its points, the function that it fills, the names that the starter leaves at `...` there, and a hint."""

    points: int
    function: str
    gaps: tuple[str, ...]
    hint: str


@dataclass
class Exercise:
    """One file of work and its tasks; `states` fills while the tests run."""

    title: str
    stem: str
    tasks: dict[str, Task]
    states: dict[str, str] = field(default_factory=dict)
    module: ModuleType | None = None
    problem: str | None = None  # why there is no module
    tree: ast.Module = field(default_factory=lambda: ast.parse(""))

    def begin(self, request):
        """Read the work; to be called by a fixture of the session."""
        request.config.pluginmanager.register(Summary(self))
        try:
            path = find_work(self.stem)
            self.tree = ast.parse(path.read_bytes())
            self.module = load_work(path)
        except Problem as problem:
            self.problem = str(problem)
        except (Exception, SystemExit) as error:
            self.problem = f"{path.name} cannot be imported.\n{type(error).__name__}: {error}"
        return self

    def judged(self, test):
        """Turn a function that raises Wrong into a test of the task that it is named after."""
        task = test.__name__.removeprefix("test_")

        @functools.wraps(test)
        def wrapper(work):
            torch.manual_seed(20)
            torch.set_num_threads(1)  # these matrices are small; several threads would wait for each other
            if self.problem:
                self.wait(task, "cannot be judged yet")
            if self.still_open(task):
                self.wait(task, "not started")
            self.states[task] = "wrong"
            try:
                test(work)
            except Wrong as wrong:
                hint = wrong.hint or self.tasks[task].hint
                text = f"Called: {wrong.called}\nGot:    {wrong.got}\nWanted: {wrong.wanted}\nHint:   {hint}"
                pytest.fail(text, pytrace=False)
            except Problem as problem:  # images that are not there, for one
                self.wait(task, f"not run: {problem}")
            self.states[task] = "right"

        return wrapper

    def wait(self, task, why):
        """Judge `task` later."""
        self.states[task] = why
        pytest.skip(why)

    def still_open(self, task):
        """Whether a gap of the task is only ever given the placeholder."""
        found: dict[str, list[bool]] = {gap: [] for gap in self.tasks[task].gaps}
        for function in ast.walk(self.tree):
            if isinstance(function, ast.FunctionDef) and function.name == self.tasks[task].function:
                for node in ast.walk(function):
                    if isinstance(node, ast.Assign):
                        for gap in _names(node.targets) & found.keys():
                            found[gap].append(_filled(node.value))
        return any(values and not any(values) for values in found.values())

    def ask(self, called, function, wanted="an answer"):
        """The answer of `function`; an exception of the student's becomes a Wrong."""
        try:
            return function()
        except Wrong:
            raise
        except (Exception, SystemExit) as error:
            raise Wrong(called, f"{type(error).__name__}: {error}".splitlines()[0][:300], wanted) from None


def _names(targets):
    """The variables and attributes that a statement gives a value."""
    return {getattr(part, "id", getattr(part, "attr", "")) for target in targets for part in ast.walk(target)}


def _filled(value):
    return not any(isinstance(part, ast.Constant) and part.value is ... for part in ast.walk(value))


class Summary:
    """Prints one line for each task, and makes the exit code say whether all of them are right."""

    def __init__(self, exercise):
        self.exercise = exercise

    def pytest_sessionfinish(self, session):
        if any(state != "right" and not state.startswith("not run") for state in self.exercise.states.values()):
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter):
        tasks, states = self.exercise.tasks, self.exercise.states
        terminalreporter.section(self.exercise.title)
        for name, task in tasks.items():
            state = states.get(name, "not run")
            colour = {"right": "green", "wrong": "red"}.get(state, "yellow")
            terminalreporter.write_line(f"{name:<21}{task.points:>3} points   {state}", **{colour: True})
        right = sum(state == "right" for state in states.values())
        terminalreporter.write_line(f"{right} of {len(tasks)} tasks right")
        if self.exercise.problem:
            terminalreporter.write_line(f"next: {self.exercise.problem.splitlines()[0]}")
        elif todo := [name for name, state in states.items() if state in ("wrong", "not started")]:
            terminalreporter.write_line(f"next: {todo[0]} ({tasks[todo[0]].function})")
            terminalreporter.write_line(f"      {tasks[todo[0]].hint}")


def told(value):
    """What came back, in words."""
    if isinstance(value, torch.Tensor):
        return f"a {str(value.dtype).removeprefix('torch.')} tensor of shape {tuple(value.shape)}"
    return "the placeholder ..." if value is ... else f"{value!r:.80}"
