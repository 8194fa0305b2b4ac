"""What several commands share: errors, the choice of kit and assignment, the progress bar."""

import os
import sys
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, SpinnerColumn, TextColumn

USAGE, UNGRADABLE = 2, 3  # exit codes, besides 0 (graded) and 1 (below the pass mark)
CORES = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1

KitFolder = Annotated[
    Path | None,
    typer.Option(
        "--kit",
        metavar="DIR",
        help="The kit with the assignments. [default: CVAEKIT_KIT, the kit around this folder, the shipped one]",
    ),
]
Jobs = Annotated[
    int, typer.Option(metavar="N", min=1, help="How many to grade at once.", show_default="one for each core")
]


def fail(message: str, code: int = USAGE) -> NoReturn:
    """Print what is wrong to stderr, and stop."""
    Console(stderr=True, highlight=False, soft_wrap=True).print(f"cvaekit: {message}", markup=False)
    raise typer.Exit(code)


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
