"""Measure what grading costs, beside its budgets: `python tests/benchmarks/bench_grading.py`.

CPU seconds count the grader, the zygote and its workers together. Printed are medians, and ratios to the budget.
"""

import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil

from cvaekit.grading.session import Session
from cvaekit.kit import SHIPPED, Kit
from cvaekit.sandbox import Sandbox
from cvaekit.submission.intake import Submission

RUNS = 20
ASSIGNMENT = Kit(SHIPPED).assignment("conditional_vae")
COMMAND = [str(Path(sys.executable).with_name("cvaekit")), "grade", str(SHIPPED / "tests" / "submissions" / "right.py")]


def cpu_seconds(sandbox: Sandbox, action: Callable[[], object]) -> float:
    """CPU time of this process, the zygote, and the workers that it has reaped, spent in `action`."""
    zygote = psutil.Process(sandbox.pid)

    def total() -> float:
        times = zygote.cpu_times()
        return time.process_time() + times.user + times.system + times.children_user + times.children_system

    before = total()
    action()
    return total() - before


def row(what: str, budget: float, unit: str, values: list[float]) -> None:
    median = statistics.median(values)
    print(
        f"{what:<44} {median:7.2f} {unit:<3} budget {budget:5.1f}  ratio {median / budget:4.2f}  ({len(values)} runs)"
    )


def main() -> None:
    walls = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(COMMAND, check=True, stdout=subprocess.DEVNULL)
        walls.append(time.perf_counter() - started)
    row("one submission from a cold start, wall", 7.0, "s", walls)

    submission = Submission("cvae.py", "cvae.py", ASSIGNMENT.reference_text.encode())
    others = tuple(task.id for task in ASSIGNMENT.tasks if task.id != "training")
    with Session(ASSIGNMENT) as session:

        def grade(left_out: tuple[str, ...]) -> None:
            assert session.grade(submission, left_out=left_out).outcome == "graded"

        warm = [cpu_seconds(session.sandbox, lambda: grade(("training",))) for _ in range(RUNS)]
        row("behaviour checks, warm, CPU", 0.5, "s", warm)
        row("training run, CPU", 3.0, "s", [cpu_seconds(session.sandbox, lambda: grade(others)) for _ in range(RUNS)])


if __name__ == "__main__":
    main()
