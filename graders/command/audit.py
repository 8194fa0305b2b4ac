"""`cvaekit audit`: what the graders accept and reject."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import TimeRemainingColumn

from graders.command.shared import CORES, UNGRADABLE, chosen_assignment, fail, pin_threads, progress_bar
from graders.manifest import assignments, load

if TYPE_CHECKING:
    from graders.audit.audit import Audit
    from graders.checks.bank import Bank, Entry
    from graders.checks.false_alarms import Table
    from graders.manifest import Manifest

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
    jobs: Annotated[
        int, typer.Option(metavar="N", min=1, help="How many to grade at once.", show_default="one for each core")
    ] = CORES,
) -> None:
    """Hold every known mistake and every right variant against every check.

    Run it after editing a check or a bank. A mistake has to lose points in its own task and in no other; a variant
    has to get full marks; an ambiguous answer is treated as its policy says. Not judged, unless you say --thorough, are
    the training run and tasks for which an entry runs the reference's own code. The tables tell which checks a mistake
    fails and whether it is diagnosed as itself, which checks could go, and how likely a false alarm is.

    Exit code: 0 nothing to mend; 1 something to mend; 2 wrong usage; 3 the sandbox does not work here.

    \b
    cvaekit audit
    cvaekit audit kl_loss                 (the entries of one task)
    cvaekit audit kl_sign bce_mean        (single entries)
    cvaekit audit --html audit.html --json audit.json
    """
    for path in (json_file, html_file):
        if path and (path.is_dir() or not path.parent.is_dir()):
            fail(f"{path}: " + ("this is a folder" if path.is_dir() else f"there is no folder {path.parent}"))
    banks = _chosen([chosen_assignment(assignment)] if assignment else list(map(load, assignments())), names or [])
    if len(banks) > 1 and (json_file or html_file):
        known = ", ".join(manifest.name for manifest, _, _ in banks)
        fail(f"--json and --html take one assignment. Add --assignment with one of: {known}")
    pin_threads()
    from graders.audit.audit import Audit

    problems = False
    for manifest, bank, entries in banks:
        if len(banks) > 1:
            Console(highlight=False).rule(manifest.title)
        table = _false_alarms(manifest)
        found = Audit(manifest.name, complete=not names)
        interrupted = _fill(found, entries, bank, manifest, jobs, thorough)
        _put_out(found, manifest, table, json_file, html_file)
        if interrupted:
            fail(f"interrupted after {len(found.verdicts)} of {len(entries)} entries; the tables show these", 130)
        problems = problems or bool(found.problems)
    raise typer.Exit(FOUND if problems else 0)


def _chosen(manifests: "list[Manifest]", names: list[str]) -> "list[tuple[Manifest, Bank, list[Entry]]]":
    """The entries to judge of each assignment that has some; with `names`, those entries and tasks only."""
    from graders.checks import bank as banks

    found, missing = [], set(names)
    for manifest in manifests:
        try:
            bank = banks.load(manifest.name)
        except banks.BankError as error:
            fail(str(error))
        missing &= banks.unknown(bank, manifest, names)
        if entries := banks.chosen(bank, names):
            found.append((manifest, bank, entries))
    if missing:
        tasks = dict.fromkeys(task.id for manifest in manifests for task in manifest.tasks)
        fail(f"no entry and no task is called {', '.join(sorted(missing))}; tasks are: {', '.join(tasks)}")
    if not found:
        fail(f"no banks yet: add mistakes.toml and variants.toml to the folder of {manifests[0].name}")
    return found


def _false_alarms(manifest: "Manifest") -> "Table | None":
    from graders.checks import false_alarms

    if not false_alarms.path(manifest.name).exists():
        return None
    try:
        return false_alarms.load(manifest.name)
    except (OSError, ValueError, TypeError) as error:
        fail(f"{false_alarms.path(manifest.name).name} cannot be read: {error}")


def _fill(
    found: "Audit", entries: "list[Entry]", bank: "Bank", manifest: "Manifest", jobs: int, thorough: bool
) -> bool:
    """Grade all `entries` under a progress bar; whether that was interrupted."""
    from graders.sandbox import Sandbox, SandboxError, harden_grader

    harden_grader()
    progress = progress_bar(TimeRemainingColumn())
    bar = progress.add_task("Starting", total=len(entries))
    try:
        with Sandbox(manifest.probes) as sandbox, progress:
            grade, digits = _load(manifest)
            for verdict in grade(
                found, entries, bank.reference, manifest, sandbox, jobs=jobs, data=digits, thorough=thorough
            ):
                progress.update(bar, advance=1, description=verdict.id, refresh=True)
    except SandboxError as error:
        fail(f"the sandbox does not work here: {error}", UNGRADABLE)
    except KeyboardInterrupt:
        found.complete = False
        return True
    return False


def _load(manifest: "Manifest") -> tuple[Any, Any]:
    """Everything slow that the grading processes inherit."""
    import torch

    from graders import digits
    from graders.audit.audit import run
    from graders.checks import run as checks

    torch.set_num_threads(1)
    checks.warm(manifest)
    return run, digits.load()


def _put_out(
    found: "Audit", manifest: "Manifest", table: "Table | None", json_file: Path | None, html_file: Path | None
) -> None:
    from graders.audit import terminal

    console = Console(highlight=False)
    terminal.show_entries(console, found)
    terminal.show_tasks(console, found)
    if found.complete:
        terminal.show_checks(console, found)
        if table:
            terminal.show_false_alarms(console, table)
    terminal.show_outcome(console, found)
    if html_file:
        from graders.audit.page import page

        html_file.write_text(page(found, manifest, table), encoding="utf-8")
    if json_file:
        json_file.write_text(found.to_json(table), encoding="utf-8")
