"""`cvaekit check`: list what is wrong with an assignment."""

from typing import Annotated

import typer
from rich.progress import TimeElapsedColumn

from cvaekit import kit as kits
from cvaekit.command.shared import CORES, UNGRADABLE, Jobs, KitFolder, fail, progress_bar
from cvaekit.kit import Kit

UNSOUND = 1


def check(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Only this assignment. [default: all]")] = None,
    files_only: Annotated[
        bool, typer.Option("--files-only", help="Only what the files alone tell: seconds, and nothing is graded.")
    ] = False,
    thorough: Annotated[
        bool, typer.Option("--thorough", help="Judge all tasks of every entry of the banks, slow ones too.")
    ] = False,
    jobs: Jobs = CORES,
    kit: KitFolder = None,
) -> None:
    """Hold assignments to what an instructor relies on; every complaint says what to mend.

    Files first: manifest, points, checks, mistakes and variants for every task, hints that give nothing away, handout,
    notebook plan, visible tests, real-life files that are listed, generated files in step. Then grading: the solution
    gets full marks, the untouched starter none, every mistake loses points in its own task, every variant keeps them,
    and every real-life file gets the mark that its list says.

    Exit code: 0 sound; 1 complaints; 2 wrong usage; 3 submissions cannot be run on this machine.

    \b
    cvaekit check linear_regression --kit my-kit
    """
    in_use = kits.find(kit)
    names = [name] if name else in_use.names()
    if name and name not in in_use.names():
        fail(f"no assignment {name!r}; there are: {', '.join(in_use.names())}")
    found = 0
    for each in names:
        complaints = _complaints(in_use, each, files_only, thorough, jobs)
        for complaint in complaints:
            typer.echo(f"✗ {complaint}")
        if not complaints:
            typer.echo(f"✓ {each} is sound" + (", as far as its files tell." if files_only else "."))
        found += len(complaints)
    if found:
        fail(f"{found} complaint{'s' if found > 1 else ''}", UNSOUND)


def _complaints(kit: Kit, name: str, files_only: bool, thorough: bool, jobs: int) -> list[str]:
    """All complaints about one assignment; grading begins when its files give none."""
    from cvaekit import bank, real_life
    from cvaekit.author import soundness
    from cvaekit.sandbox import SandboxError

    found = soundness.check_files(kit, name)
    if found or files_only:
        return found
    assignment = kit.assignment(name)
    progress = progress_bar(TimeElapsedColumn())
    total = len(bank.ids(bank.load(assignment))) + len(real_life.load(assignment))
    bar = progress.add_task("Starting", total=total)

    def on_entry(entry: str) -> None:
        progress.update(bar, advance=1, description=entry, refresh=True)

    try:
        with progress:
            return list(soundness.check_grading(assignment, jobs=jobs, thorough=thorough, on_entry=on_entry))
    except SandboxError as error:
        fail(f"{name} cannot be graded here: {error}", UNGRADABLE)
    except KeyboardInterrupt:
        fail(f"interrupted; {name} is not checked to the end", 130)
