"""What several commands need: one voice for errors, and choosing the assignment."""

import os
import sys
from typing import Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn

from graders import manifest

USAGE, UNGRADABLE = 2, 3  # exit codes, besides 0 (graded) and 1 (below the pass mark)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

# Two busy threads on two busy cores are slower than one, and a process with threads cannot be forked safely. The
# libraries read these when they are imported.
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


def pin_threads() -> None:
    os.environ.update(ONE_THREAD)


def fail(message: str, code: int = USAGE) -> NoReturn:
    """Say in one line on stderr what is wrong, and stop."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"cvaekit: {message}", markup=False)
    raise typer.Exit(code)


def chosen_assignment(name: str) -> manifest.Manifest:
    """The manifest of assignment `name`; the end, with the names that there are, for any other."""
    try:
        return manifest.load(name)
    except KeyError as error:
        fail(str(error.args[0]))


def progress_bar(clock: ProgressColumn, **options: Any) -> Progress:
    """A bar on stderr that leaves no trace; nothing where stderr is no terminal. `clock` is its last column."""
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        clock,
        console=Console(stderr=True),
        transient=True,
        disable=not sys.stderr.isatty(),
        auto_refresh=False,  # by a thread, and a process with threads cannot be forked safely
        **options,
    )
