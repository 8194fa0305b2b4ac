"""What grading costs, beside its budgets: `python tests/benchmarks/bench_grading.py`.

CPU seconds count the grader, the sandbox and its workers together; medians, and the ratio to the budget.
"""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ[f"{library}_NUM_THREADS"] = "1"  # before torch is imported, as the command line does it

import psutil
import torch

from graders import digits, manifest
from graders.checks import run
from graders.sandbox import Sandbox
from graders.submission.intake import Submission

RUNS = 20
ASSIGNMENT = "conditional_vae"
# What `cvaekit grade` does for one submission, in its order, the training run left out.
FROM_COLD = f"""
from graders import manifest
from graders.sandbox import Sandbox
assignment = manifest.load({ASSIGNMENT!r})
with Sandbox(assignment.probes) as sandbox:
    import torch
    from graders import digits
    from graders.checks import run
    from graders.submission.intake import Submission
    torch.set_num_threads(1)
    data = digits.load()
    run.warm(assignment)
    reference = manifest.ROOT / "reference" / {ASSIGNMENT!r} / "cvae.py"
    submission = Submission("cvae.py", "cvae.py", reference.read_bytes())
    report = run.grade(submission, assignment, sandbox, sandbox.isolation, data=data, left_out=("training",))
    assert report.outcome == "graded"
"""


def submission() -> Submission:
    reference = manifest.ROOT / "reference" / ASSIGNMENT / "cvae.py"
    return Submission("cvae.py", "cvae.py", reference.read_bytes())


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
    torch.set_num_threads(1)
    command = [sys.executable, "-c", FROM_COLD]
    walls = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True)
        walls.append(time.perf_counter() - started)
    row("behaviour checks from a cold start, wall", 7.0, "s", walls)

    assignment = manifest.load(ASSIGNMENT)
    data = digits.load()
    others = tuple(task.id for task in assignment.tasks if task.id != "training")
    with Sandbox(assignment.probes) as sandbox:
        run.warm(assignment)

        def grade(left_out: tuple[str, ...]) -> None:
            report = run.grade(submission(), assignment, sandbox, sandbox.isolation, data=data, left_out=left_out)
            assert report.outcome == "graded"

        grade(())
        row(
            "behaviour checks, warm, CPU",
            0.5,
            "s",
            [cpu_seconds(sandbox, lambda: grade(("training",))) for _ in range(RUNS)],
        )
        row("training run, CPU", 3.0, "s", [cpu_seconds(sandbox, lambda: grade(others)) for _ in range(RUNS)])


if __name__ == "__main__":
    main()
