"""The frame of the visible tests, with a small exercise that knows no torch: states, messages, summary, exit code."""

import json
import shutil

import pytest
from shipped import ROOT
from visible import pytest_in, run_many, table

from cvaekit.author.generated_files import FRAME

TASKS = [
    {"id": "total", "points": 10, "symbol": "Box.__init__", "gaps": ["total"], "hint": "Every number counts."},
    {"id": "mean", "points": 2.5, "symbol": "Box.__init__", "gaps": ["mean"], "hint": "How many are there?"},
    {"id": "spread", "points": 10, "symbol": "spread", "gaps": ["low", "high", "width"], "hint": "From end to end."},
    {"id": "both", "points": 5, "symbol": "Box.both", "gaps": [], "hint": "Both.", "depends_on": ["total", "mean"]},
]
PLAN = {"title": "Exercise 7: sums", "file": "sums.py", "starter": "sums_starter.py", "tasks": TASKS}
STARTER = """class Box:
    def __init__(self, numbers):
        self.total = ...
        self.mean = ...

    def both(self):
        return self.total, self.mean


def spread(numbers):
    low = ...
    high = ...
    width = ...
    return width
"""
TEST = """
import sys

import pytest
from exercise import Exercise, Wrong, told

EXERCISE = Exercise(__file__)
judged = EXERCISE.judged


@pytest.fixture(scope="session", autouse=True)
def work(request):
    return EXERCISE.begin(request.config)


def test_file(work):
    work.check_file()
    assert "torch" not in sys.modules


def attribute(work, name, right):
    called = f"Box([1, 2, 6]).{name}"
    box = work.ask(called, work.module.Box, [1, 2, 6], wanted="a box")
    if getattr(box, name) != right:
        raise Wrong(called, told(getattr(box, name)), f"the {name}")


@judged
def test_total(work):
    attribute(work, "total", 9)


@judged
def test_mean(work):
    attribute(work, "mean", 3)


@judged
def test_spread(work):
    width = work.ask("spread([1, 2, 6])", work.module.spread, [1, 2, 6])
    if not 0 < width < 6:
        raise Wrong("spread([1, 2, 6])", told(width), "a width", "Which two numbers are meant?")


@judged
def test_both(work):
    (work.folder / "numbers.txt").read_text()
    work.notes.append("both: asked")
    both = work.ask("both()", work.module.Box([1, 2, 6]).both)
    if both != (9, 3):
        raise Wrong("both()", told(both), "both")
"""


def filled(total="sum(numbers)", mean="sum(numbers) / 3", low="min(numbers)", high="max(numbers)", width="high - low"):
    text = STARTER.replace("total = ...", f"total = {total}").replace("mean = ...", f"mean = {mean}")
    return text.replace("low = ...", f"low = {low}").replace("high = ...", f"high = {high}").replace(
        "width = ...", f"width = {width}"
    )  # fmt: skip


RIGHT = filled()
ALL = {"total": "right", "mean": "right", "spread": "right", "both": "right"}
WAITING = ALL | {"both": "waits for total"}
NOTHING = dict.fromkeys(ALL, "cannot be judged yet")
UNTOUCHED = {"total": "not started", "mean": "not started", "spread": "not started", "both": "waits for total and mean"}

# Text, states, and what is shown
CASES = {
    "untouched": (STARTER, UNTOUCHED, ["0 of 4 tasks right\nnext: total (Box.__init__)\n      Every number counts."]),
    "right": (RIGHT, ALL, ["4 of 4 tasks right\nboth: asked\nThe grader asks for more of the same"]),
    "one wrong": (
        filled(total="max(numbers)"),
        WAITING | {"total": "wrong"},
        [
            "\ntotal\ncalled  Box([1, 2, 6]).total\ngot     6\nwanted  the total\nhint    Every number counts.\n",
            "2 of 4 tasks right\nnext: total (Box.__init__)",
        ],
    ),
    "one open": (filled(total="..."), WAITING | {"total": "not started"}, ["next: total"]),
    "wrong and open": (
        filled(total="...", mean="4"),
        WAITING | {"total": "not started", "mean": "wrong", "both": "waits for total and mean"},
        ["called  Box([1, 2, 6]).mean\ngot     4\n"],
    ),
    "begun": (
        filled(low="...", high="..."),
        ALL | {"spread": "begun: low and high are still ... (lines 11 and 12)"},
        [],
    ),
    "begun, one left": (filled(low="..."), ALL | {"spread": "begun: low is still ... (line 11)"}, ["next: spread"]),
    "left over, overwritten": (filled(width="...\n    width = high - low"), ALL, []),
    "left over, read nowhere": (filled(width="...").replace("return width", "return high - low"), ALL, []),
    "a stub": (filled().partition("def spread")[0] + "def spread(x):\n    pass\n", ALL | {"spread": "not started"}, []),
    "given to the class": (f"{RIGHT}\n\ndef b(self):\n    return 9, 3\n\n\nBox.both = b\n", ALL, []),
    "an exception": (
        filled(low="min(number)"),
        ALL | {"spread": "wrong"},
        [
            "got     NameError: name 'number' is not defined",
            "\n        in line 11: low = min(number)\nwanted  an answer\n",
        ],
    ),
    "an exit": (filled(low="exit(3)"), ALL | {"spread": "wrong"}, ["got     SystemExit: 3\n        in line 11: low ="]),
    "a value that the check did not think of": (
        filled(width="'wide'"),
        ALL | {"spread": "wrong"},
        [
            "got     TypeError: '<' not supported",
            "\n        in test_sums.py, line 4",
            "wanted  an answer that this test can work with\nhint    From end to end.",
        ],
    ),
    "an answer without a value": (filled(width="None"), ALL | {"spread": "wrong"}, ["got     TypeError: "]),
    "a warning": (f"import warnings\nwarnings.warn('old')\nx = '\\d'\n{RIGHT}", ALL, []),
    "syntax error": (
        "def spread(:\n",
        NOTHING,
        [
            "Python cannot read sums.py, line 1: def spread(:\ninvalid syntax",
            "next: Python cannot read sums.py, line 1",
        ],
    ),
    "question marks": (
        filled(total="???"),
        NOTHING,
        ["line 3: self.total = ???\n??? is not Python. Fill the gap, or write ... to leave it for later."],
    ),
    "import error": (
        f"import no_such_package\n{RIGHT}",
        NOTHING,
        ["sums.py cannot be imported.\nModuleNotFoundError: No module named 'no_such_package'\nin line 1: import"],
    ),
    "exit": ("import sys\nsys.exit(3)\n", NOTHING, ["sums.py cannot be imported.\nSystemExit: 3"]),
    "empty": ("", NOTHING, ["sums.py has no class Box; it defines nothing."]),
    "renamed class": (
        RIGHT.replace("class Box", "class Chest"),
        NOTHING | {"spread": "right"},
        ["sums.py has no class Box; it defines Chest, spread.\nThe names of the starter stay as they are."],
    ),
    "no function": (f"{RIGHT}spread = 3\n", NOTHING | ALL | {"spread": "cannot be judged yet"}, ["no function spread"]),
    "no class": ("Box = 3\n", NOTHING, ["sums.py has no class Box"]),
    "not UTF-8": (b"\xff\xfe = 3\n", NOTHING, ["Python cannot read sums.py"]),
    "NUL": (b"x = 3\0\n", NOTHING, ["Python cannot read sums.py"]),
    "nested": ("x = " + "-" * 20000 + "1\n", NOTHING, ["Python cannot read sums.py"]),
}


def lay_out(folder):
    for name in FRAME:
        shutil.copy(ROOT / "assignments" / "conditional_vae" / name, folder)
    (folder / "tasks.json").write_text(json.dumps(PLAN))
    (folder / "test_sums.py").write_text(TEST)
    (folder / "numbers.txt").write_text("1 2 6")
    (folder / "sums_starter.py").write_text(STARTER)
    return folder


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = lay_out(tmp_path_factory.mktemp("small"))
    return run_many(folder, "test_sums", "SUMS_FILE", {name: (case[0], [], False) for name, case in CASES.items()}, "")


@pytest.mark.parametrize("name", CASES)
def test_states_messages_and_exit_code(name, results):
    _, states, parts = CASES[name]
    number, result = list(CASES).index(name), results[name]
    shown = result["shown"].replace(f"mine_{number}.py", "sums.py")
    assert result["states"] == states, shown
    assert table(shown) == states
    assert result["code"] == int(any(state != "right" for state in states.values()))
    for part in parts:
        assert part in shown
    wrong = list(states.values()).count("wrong") + ("cannot be judged yet" in states.values())
    assert shown.count("____ test_") == wrong  # one message for each fault, and one for a file that cannot be judged


@pytest.fixture
def folder(tmp_path):
    return lay_out(tmp_path)


def pytest_here(folder, *options, **variables):
    return pytest_in(
        folder, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"--rootdir={folder}", *options, **variables
    )


def test_the_work_is_the_named_file_else_the_copy_else_the_starter(folder):
    assert "(sums_starter.py)" in pytest_here(folder)[1]
    (folder / "sums.py").write_text(RIGHT)
    assert "(sums.py)" in pytest_here(folder)[1]
    (folder / "other.py").write_text(RIGHT)
    code, shown = pytest_here(folder, SUMS_FILE="other.py")
    assert "(other.py)" in shown
    assert code == 0
    code, shown = pytest_here(folder, SUMS_FILE="missing.py")
    assert "SUMS_FILE names a file that is not there: missing.py" in shown
    assert code == 1


def test_without_any_file_of_work_it_says_what_to_copy(folder):
    (folder / "sums_starter.py").unlink()
    assert f"There is no sums.py in {folder}. Copy sums_starter.py to sums.py to begin." in pytest_here(folder)[1]


def test_a_file_that_a_check_needs_leaves_the_task_unjudged(folder):
    (folder / "numbers.txt").unlink()
    (folder / "sums.py").write_text(RIGHT)
    code, shown = pytest_here(folder)
    assert table(shown)["both"].startswith("not run: [Errno 2] No such file or directory")
    assert code == 0
    assert "The grader asks" not in shown


def test_a_selected_task_does_not_wait_for_those_that_were_not_run(folder):
    (folder / "sums.py").write_text(RIGHT)
    code, shown = pytest_here(folder, "-k", "both")
    assert table(shown) == dict.fromkeys(ALL, "not run: not selected") | {"both": "right"}
    assert code == 0
    (folder / "sums.py").write_text(filled(mean="..."))
    assert table(pytest_here(folder, "-k", "both")[1])["both"] == "waits for mean"


def test_a_plan_that_is_missing_is_told_in_one_line(folder):
    (folder / "tasks.json").unlink()
    code, shown = pytest_here(folder)
    assert "tasks.json is missing; it belongs beside test_sums.py" in shown
    assert code == 2


def test_a_folder_that_is_named_from_elsewhere(folder, tmp_path_factory):
    code, shown = pytest_in(tmp_path_factory.mktemp("away"), "-m", "pytest", "-p", "no:cacheprovider", folder)
    assert table(shown) == UNTOUCHED
    assert code == 1
