"""`cvaekit audit`: list what the graders accept and reject."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import TimeRemainingColumn

from cvaekit import bank as banks
from cvaekit import kit as kits
from cvaekit import real_life
from cvaekit.audit import terminal
from cvaekit.audit.audit import Audit, run, run_files
from cvaekit.audit.mutants import draw
from cvaekit.audit.page import page
from cvaekit.bank import Entry
from cvaekit.command.mutants import survived
from cvaekit.command.shared import CORES, UNGRADABLE, Jobs, KitFolder, fail, progress_bar
from cvaekit.grading.data import SetupError
from cvaekit.grading.session import Session
from cvaekit.kit import Assignment, KitError
from cvaekit.real_life import RealLife
from cvaekit.sandbox import SandboxError
from cvaekit.statistics import false_alarms
from cvaekit.statistics.false_alarms import Table

FOUND = 1


def audit(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="[ENTRY|TASK]...", help="Only these. [default: everything]")
    ] = None,
    json_file: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Also write it all as JSON.")] = None,
    html_file: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Also write an HTML page.")] = None,
    assignment: Annotated[
        str | None, typer.Option(metavar="NAME", help="Only this assignment. [default: all, one after the other]")
    ] = None,
    thorough: Annotated[
        bool,
        typer.Option("--thorough", help="Judge all tasks of every entry: also slow ones, and those it cannot touch."),
    ] = False,
    mutate: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Instead grade N mutants: right work with one slip in it."),
    ] = None,
    seed: Annotated[int, typer.Option(metavar="S", help="Which mutants --mutate draws.")] = 0,
    jobs: Jobs = CORES,
    kit: KitFolder = None,
) -> None:
    """Hold every known mistake, every right variant and every real-life file against every check.

    Run it after editing a check or a bank. A mistake has to lose points in its own task and in no other; a variant
    has to get full marks; an ambiguous answer is treated as its policy says; a real-life file, which is whole, has to
    lose points in the tasks that its list names. Not judged, unless you say --thorough, are the training run and tasks
    for which an entry runs the reference's own code. The tables tell which checks a mistake fails and whether it is
    diagnosed as itself, which checks could go, and how likely a false alarm is.

    With --mutate, single slips are made in the reference and in right variants: an operator or two names exchanged, a
    constant changed, a term, a keyword or a call dropped, a clamp added. The table lists the mutants that keep all
    points of the tasks that run their code. Those that compute the same belong into equivalent_mutants.toml, with the
    reason; the others show what no check looks at.

    Exit code: 0 nothing to mend; 1 something to mend; 2 wrong usage; 3 the sandbox does not work here.

    \b
    cvaekit audit
    cvaekit audit kl_loss                 (the entries of one task)
    cvaekit audit kl_sign bce_mean        (single entries, real-life files too)
    cvaekit audit --html audit.html --json audit.json
    cvaekit audit --mutate 100 kl_loss    (mutants that touch one task)
    """
    for path in (json_file, html_file):
        if path and (path.is_dir() or not path.parent.is_dir()):
            fail(f"{path}: " + ("this is a folder" if path.is_dir() else f"there is no folder {path.parent}"))
    in_use = kits.find(kit)
    chosen = _chosen(in_use.assignments(assignment), names or [])
    if len(chosen) > 1 and (json_file or html_file):
        known = ", ".join(each.name for each, _, _ in chosen)
        fail(f"--json and --html take one assignment. Add --assignment with one of: {known}")
    if mutate and html_file:
        fail("--html shows the banks, not mutants; leave out --html or --mutate")
    problems = False
    for each, entries, files in chosen:
        if len(chosen) > 1:
            Console(highlight=False).rule(each.title)
        if mutate:
            problems |= survived(draw(each, mutate, seed=seed, names=names or (), thorough=thorough), jobs, json_file)
            continue
        found = _audit(each, entries, files, jobs, thorough, complete=not names)
        _put_out(found, _false_alarms(each), json_file, html_file)
        if found.interrupted:
            done, wanted = len(found.verdicts) + len(found.files), len(entries) + len(files)
            fail(f"interrupted after {done} of {wanted} entries; the tables show these", 130)
        problems = problems or bool(found.problems)
    raise typer.Exit(FOUND if problems else 0)


def _chosen(assignments: list[Assignment], names: list[str]) -> list[tuple[Assignment, list[Entry], list[RealLife]]]:
    """The entries and files to judge of each assignment that has some; with `names`, those entries and tasks only."""
    found, missing = [], set(names)
    for each in assignments:
        bank, listed = banks.load(each), real_life.load(each)
        missing &= banks.unknown(bank, each, names) - {file.id for file in listed}
        entries, files = banks.chosen(bank, names), real_life.chosen(listed, names)
        if entries or files:
            found.append((each, entries, files))
    if missing:
        tasks = dict.fromkeys(task.id for each in assignments for task in each.tasks)
        if whole := missing & {each.name for each in assignments}:
            name = min(whole)
            fail(f"{name} is an assignment; write --assignment {name} in its place")
        fail(f"no entry and no task is called {', '.join(sorted(missing))}; tasks are: {', '.join(tasks)}")
    if not found:
        fail(f"no banks yet: add mistakes.toml and variants.toml to the folder of {assignments[0].name}")
    return found


def _false_alarms(assignment: Assignment) -> Table | None:
    if not false_alarms.path(assignment).exists():
        return None
    try:
        return false_alarms.load(assignment)
    except (OSError, ValueError, TypeError) as error:
        fail(f"{false_alarms.path(assignment).name} cannot be read: {error}")


def _audit(
    assignment: Assignment, entries: list[Entry], files: list[RealLife], jobs: int, thorough: bool, *, complete: bool
) -> Audit:
    """Grade all `entries` and `files` under a progress bar."""
    found = Audit(assignment, complete)
    progress = progress_bar(TimeRemainingColumn())
    bar = progress.add_task("Starting", total=len(entries) + len(files))
    try:
        with progress, Session(assignment) as session:
            if session.fault:
                fail(session.fault, UNGRADABLE)
            for verdict in run(found, entries, session, jobs=jobs, thorough=thorough):
                progress.update(bar, advance=1, description=verdict.id, refresh=True)
            for file in run_files(found, files, session, jobs=jobs, thorough=thorough):
                progress.update(bar, advance=1, description=file.id, refresh=True)
    except SetupError as error:
        fail(str(error))
    except (KitError, SandboxError) as error:
        fail(f"{assignment.name} cannot be graded here: {error}", UNGRADABLE)
    except KeyboardInterrupt:
        found.complete, found.interrupted = False, True
    return found


def _put_out(found: Audit, table: Table | None, json_file: Path | None, html_file: Path | None) -> None:
    console = Console(highlight=False)
    terminal.show_entries(console, found)
    terminal.show_files(console, found)
    terminal.show_tasks(console, found)
    if found.complete:
        terminal.show_checks(console, found)
        if table:
            terminal.show_false_alarms(console, table)
    terminal.show_outcome(console, found)
    if html_file:
        html_file.write_text(page(found, table), encoding="utf-8")
    if json_file:
        json_file.write_text(found.to_json(table), encoding="utf-8")
