"""`cvaekit audit --mutate`: grade right work with single slips, and list what keeps its points."""

from pathlib import Path

from rich.console import Console
from rich.progress import TimeRemainingColumn

from cvaekit.audit import terminal
from cvaekit.audit.mutants import Mutants, grade
from cvaekit.command.shared import UNGRADABLE, fail, progress_bar
from cvaekit.grading.data import SetupError
from cvaekit.grading.session import Session
from cvaekit.kit import KitError
from cvaekit.sandbox import SandboxError


def survived(found: Mutants, jobs: int, json_file: Path | None) -> bool:
    """Grade the sample under a progress bar and show what became of it. Returns whether there is something to mend."""
    if not found.sample:
        fail(f"{found.assignment.name}: no mutants of these; name tasks or right variants, or add --thorough")
    progress, interrupted = progress_bar(TimeRemainingColumn()), False
    bar = progress.add_task("Starting", total=len(found.sample))
    try:
        with progress, Session(found.assignment) as session:
            if session.fault:
                fail(session.fault, UNGRADABLE)
            for outcome in grade(found, session, jobs=jobs):
                progress.update(bar, advance=1, description=outcome.mutant.kind, refresh=True)
    except SetupError as error:
        fail(str(error))
    except (KitError, SandboxError) as error:
        fail(f"{found.assignment.name} cannot be graded here: {error}", UNGRADABLE)
    except KeyboardInterrupt:
        interrupted = True
    terminal.show_mutants(Console(highlight=False), found)
    if json_file:
        json_file.write_text(found.to_json(), encoding="utf-8")
    if interrupted:
        fail(f"interrupted after {len(found.outcomes)} of {len(found.sample)} mutants; the table shows these", 130)
    return bool(found.survivors or found.faults)
