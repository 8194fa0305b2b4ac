"""The frame of the visible tests: read the student's file, judge it task by task, and say what is next.

A test file beside the starter makes one `EXERCISE = Exercise(__file__)`, a fixture `work` that returns
`EXERCISE.begin(request.config)`, and a check for each task of `tasks.json`:

    @EXERCISE.judged
    def test_middle(work):
        called = "middle(1, 2)"
        answer = work.ask(called, work.module.middle, 1, 2, wanted="a number")
        if answer != 1.5:
            raise Wrong(called, told(answer), "a number that is as far from 1 as from 2")

A task is *not started* while all its `...` are there, *begun* while some are, otherwise *right* or *wrong*.
"""

import ast
import copy
import functools
import json
import sys
import types
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from gaps import Gap, definition, gaps_in, holds_placeholder, is_stub
from work_file import ERRORS, Problem, describe, execute, find_work, line_of, read_tree

SEED = 20


class Waits(Exception):
    """A task that cannot be judged before something else is done; the text says what."""


class Wrong(Exception):
    """A property that does not hold: what was called, what came back, what was wanted. Without a hint, the task's."""

    def __init__(self, called: str, got: str, wanted: str, hint: str | None = None):
        self.called, self.got, self.wanted, self.hint = called, got, wanted, hint


@dataclass(frozen=True)
class Task:
    """One entry of `tasks.json`; `gaps` are the names that the starter leaves at `...` inside `symbol`."""

    id: str
    points: float
    symbol: str
    gaps: list[str]
    hint: str
    depends_on: list[str] = field(default_factory=list)


class Exercise:
    """One file of work and its tasks. `states` (by task id) and `notes` fill while the tests run."""

    def __init__(self, test_file: str):
        self.test = Path(test_file).resolve()
        self.folder = self.test.parent
        tasks = self.folder / "tasks.json"
        if not tasks.is_file():
            raise pytest.Collector.CollectError(f"{tasks} is missing; it belongs beside {self.test.name}")
        plan = json.loads(tasks.read_text(encoding="utf-8"))
        self.title, self.file, self.starter = plan["title"], plan["file"], plan["starter"]
        self.tasks = {entry["id"]: Task(**entry) for entry in plan["tasks"]}
        self.states: dict[str, str] = {}
        self.notes: list[str] = []
        self.path = self.folder / self.file
        self.tree, self.module = ast.Module([], []), types.ModuleType("empty")
        self.problem: str | None = None  # why the file cannot be judged, or not in full

    def begin(self, config: pytest.Config) -> "Exercise":
        """Read and import the work; what stands in the way becomes `problem`."""
        config.pluginmanager.register(Summary(self))
        try:
            self.path = find_work(self.folder, self.file, self.starter)
            self.tree = read_tree(self.path)
            self.module = self._imported()
            self.problem = self._missing()
        except Problem as problem:
            self.problem = str(problem)
        return self

    def check_file(self) -> None:
        """Fail if the file cannot be read or imported, or lacks a name of the starter."""
        if self.problem:
            pytest.fail(self.problem, pytrace=False)

    def _imported(self) -> types.ModuleType:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # a warning costs nothing here
                return self.run()
        except ERRORS as error:
            problem = f"{self.path.name} cannot be imported.\n{describe(error, self.path)}"
        raise Problem(problem)

    def _missing(self) -> str | None:
        """What the starter defines and this file does not."""
        for name in dict.fromkeys(task.symbol.partition(".")[0] for task in self.tasks.values()):
            if not self._has(name):
                found = [node.name for node in self.tree.body if isinstance(node, ast.ClassDef | ast.FunctionDef)]
                kind = "class" if self._is_class(name) else "function"
                return (
                    f"{self.path.name} has no {kind} {name}; it defines {', '.join(found) or 'nothing'}.\n"
                    "The names of the starter stay as they are."
                )
        return None

    def _is_class(self, name: str) -> bool:
        return any(task.symbol.startswith(f"{name}.") for task in self.tasks.values())

    def _has(self, name: str) -> bool:
        value = getattr(self.module, name, None)
        return isinstance(value, type) if self._is_class(name) else callable(value)

    def run(self, without: str | None = None) -> types.ModuleType:
        """The module, made anew. Where several tasks share a function, open gaps get a neutral value.

        That is None for an attribute and 0.0 for a variable; so a gap in one place does not stop the others from being
        judged. The filled gaps of the task `without` get it too.
        """
        tree, symbols = copy.deepcopy(self.tree), [task.symbol for task in self.tasks.values() if task.gaps]
        for task in self.tasks.values():
            for gap in self._gaps(task, tree) if symbols.count(task.symbol) > 1 else []:
                for statement in gap.statements:
                    if task.id == without or (statement.value and holds_placeholder(statement.value)):
                        neutral = ast.Constant(None if gap.is_attribute else 0.0)
                        statement.value = ast.copy_location(neutral, statement.value or statement)
        return execute(self.path, tree)

    def _gaps(self, task: Task, tree: ast.Module | None = None) -> list[Gap]:
        function = definition(tree or self.tree, task.symbol)
        return gaps_in(function, task.gaps) if function else []

    def unfilled(self, task: Task) -> str | None:
        """None for a task that can be judged, otherwise "not started", or which of its gaps are still open."""
        function = definition(self.tree, task.symbol)
        if function is None or not task.gaps:
            return None
        if is_stub(function):
            return "not started"
        found = self._gaps(task)
        blank = [gap for gap in found if gap.blank]
        if not any(gap.open for gap in found):
            return None
        if len(blank) == len(found):
            return "not started"
        lines = [str(number) for gap in blank for number in gap.lines]
        verb, word = ("is", "line") if len(lines) == 1 else ("are", "lines")
        return f"begun: {' and '.join(gap.name for gap in blank)} {verb} still ... ({word} {' and '.join(lines)})"

    # ------------------------------------------------------------------------------------------------ for the checks

    def judged(self, check: Callable[["Exercise"], None]) -> Callable[["Exercise"], None]:
        """Make a test of a function `test_TASK(work)`, which raises Wrong for a property that does not hold.

        An OSError of the check's own, about a file that it needs, leaves the task unjudged.
        """
        task = self.tasks[check.__name__.removeprefix("test_")]

        @functools.wraps(check)
        def test(work: "Exercise") -> None:
            state, message = self._judge(task, check)
            self.states[task.id] = state
            if message:
                pytest.fail(message, pytrace=False)
            elif state != "right":
                pytest.skip(state)

        return test

    def _judge(self, task: Task, check: Callable[["Exercise"], None]) -> tuple[str, str | None]:
        """State of a task, and what to tell of a wrong one. Returns it, so that no exception is chained to another."""
        if not self._has(task.symbol.partition(".")[0]):
            return "cannot be judged yet", None
        if unfilled := self.unfilled(task):
            return unfilled, None
        prepare()
        try:
            self.needs(*task.depends_on)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                check(self)
            return "right", None
        except Waits as waits:
            return str(waits), None
        except (OSError, Problem) as error:
            return f"not run: {error}", None
        except Wrong as found:
            wrong = found
        except Exception as error:  # a value that nobody thought of when the check was written
            got = describe(error, self.path)
            if not line_of(error, self.path):
                got = describe(error, self.test).replace("\nin line", f"\nin {self.test.name}, line")
            wrong = Wrong(task.symbol, got, "an answer that this test can work with")
        parts = {"called": wrong.called, "got": wrong.got, "wanted": wrong.wanted, "hint": wrong.hint or task.hint}
        lines = [f"{name:<8}{text}".replace("\n", "\n        ") for name, text in parts.items()]
        return "wrong", "\n".join([task.id, *lines])

    def ask(
        self,
        called: str,
        function: Callable[..., Any],
        *arguments: Any,
        wanted: str = "an answer",
        hint: str | None = None,
        **named: Any,
    ) -> Any:
        """The answer of a student's function; an exception in it becomes a Wrong that names the student's line."""
        try:
            return function(*arguments, **named)
        except Wrong:
            raise
        except ERRORS as error:
            raise Wrong(called, describe(error, self.path), wanted, hint) from None

    def needs(self, *tasks: str) -> None:
        """Wait for these tasks: for any that was judged and is not right, and for any that is not filled."""
        late = [t for t in tasks if self.states.get(t, "right") != "right" or self.unfilled(self.tasks[t])]
        if late:
            raise Waits(f"waits for {' and '.join(late) if len(late) < 3 else 'the tasks above'}")

    def within(self, error: BaseException, task: str) -> bool:
        """Whether `error` passed through a statement that fills a gap of `task`."""
        number = line_of(error, self.path)
        nodes = [statement for gap in self._gaps(self.tasks[task]) for statement in gap.statements]
        return any(node.lineno <= number <= (node.end_lineno or 0) for node in nodes)


def prepare() -> None:
    """Seed what draws random numbers; let torch use one thread, since two on two busy cores are slower than one."""
    random, numpy, torch = (sys.modules.get(name) for name in ("random", "numpy", "torch"))
    if random:
        random.seed(SEED)
    if numpy:
        numpy.random.seed(SEED)
    if torch:
        torch.manual_seed(SEED)
        torch.set_num_threads(1)


def told(value: object) -> str:
    """What came back, in words."""
    if hasattr(value, "shape") and hasattr(value, "dtype"):
        dtype = str(value.dtype).removeprefix("torch.")
        return f"a {dtype} {type(value).__name__.lower()} of shape {tuple(value.shape)}"
    if isinstance(value, tuple | list):
        return f"{len(value)} values: {', '.join(told(item) for item in value[:3])}"
    if value is ...:
        return "the placeholder ..."
    if value is None or isinstance(value, int | float | str | dict):
        return f"{value!r:.80}"
    return f"a {type(value).__name__}"


class Summary:
    """Prints one line for each task and what is next, and makes the exit code say whether all tasks are right."""

    def __init__(self, exercise: Exercise):
        self.exercise = exercise

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if any(state != "right" and not state.startswith("not run") for state in self.exercise.states.values()):
            session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(trylast=True)  # of several exercises in one run, the first one's summary comes first
    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        exercise, write = self.exercise, terminalreporter.write_line
        tasks, states = exercise.tasks, exercise.states
        terminalreporter.section(f"{exercise.title} ({exercise.path.name})")
        width = max(map(len, [*tasks, "x" * 19])) + 2
        for task in tasks.values():
            state = states.get(task.id, "not run: not selected")
            colour = {"right": "green", "wrong": "red"}.get(state, "yellow")
            write(f"{task.id:<{width}}{task.points:>3g} points   {state}", **{colour: True})
        write(f"{list(states.values()).count('right')} of {len(tasks)} tasks right")
        for note in exercise.notes:
            write(note)
        if exercise.problem:
            write(f"next: {exercise.problem.splitlines()[0]}")
        elif todo := self._todo():
            write(f"next: {todo.id} ({todo.symbol})")
            write(f"      {todo.hint}")
        elif all(states.get(task) == "right" for task in tasks):
            write("The grader asks for more of the same: other numbers, other sizes.")

    def _todo(self) -> Task | None:
        """The first task to work on; those that wait for others come last."""
        states = {task: self.exercise.states.get(task, "not run").partition(":")[0] for task in self.exercise.tasks}
        todo = [task for task, state in states.items() if state not in ("right", "not run")]
        todo.sort(key=lambda task: states[task] not in ("wrong", "begun", "not started"))
        return self.exercise.tasks[todo[0]] if todo else None
