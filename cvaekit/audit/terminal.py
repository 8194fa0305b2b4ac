"""An audit as tables on a terminal; plain text where the output is not one."""

from dataclasses import astuple

from rich.console import Console
from rich.table import Table
from rich.text import Text

from cvaekit.audit.audit import Audit
from cvaekit.audit.mutants import Mutants
from cvaekit.audit.verdict import Verdict
from cvaekit.statistics.false_alarms import HEADINGS
from cvaekit.statistics.false_alarms import Table as FalseAlarms

NAMES = ("Mistake", "Variant", "Ambiguous", "Nothing", "File", "Task", "Check")  # never broken: to be copied
TITLES = {
    "mistake": "Mistakes",
    "variant": "Variants",
    "ambiguous": "Ambiguous answers",
    "nothing": "Answers that show nothing",
}


def show_entries(console: Console, audit: Audit) -> None:
    """A line for each entry: which checks of its task fail on it, what it costs elsewhere, and its diagnosis."""
    for kind, title in TITLES.items():
        for task in dict.fromkeys(v.task for v in audit.of(kind)):
            console.print(Text(f"\n{title}: {task}", style="bold"))
            table = _table("", kind[:1].upper() + kind[1:], "Fails", "Elsewhere", "Diagnosed as")
            for verdict in audit.of(kind, task):
                table.add_row(*_row(verdict))
            console.print(table)


def _row(verdict: Verdict) -> tuple[Text, ...]:
    own = [check.removeprefix(f"{verdict.task}.") for check in verdict.killed_by]
    diagnosed = verdict.mistake or "" if verdict.diagnosed == "another" else verdict.diagnosed
    mark = Text("✗", style="red") if verdict.problem else Text("✓", style="green")
    return (
        mark,
        Text(verdict.id),
        Text(", ".join(own) or "-"),
        Text(", ".join(dict.fromkeys(check.partition(".")[0] for check in verdict.elsewhere))),
        Text("" if verdict.diagnosed == "not asked" else diagnosed),
    )


def show_files(console: Console, audit: Audit) -> None:
    """A line for each real-life file: which tasks lose points, and what the report says where none should."""
    if not audit.files:
        return
    console.print(Text("\nReal-life files", style="bold"))
    table = _table("", "File", "Loses points in", "Report says")
    for file in audit.files:
        mark = Text("✗", style="red") if file.problem else Text("✓", style="green")
        table.add_row(mark, Text(file.id), Text(", ".join(file.lost) or "-"), Text(file.says or "", style="dim"))
    console.print(table)


def show_tasks(console: Console, audit: Audit) -> None:
    """A line for each task: how many entries it has, and how many of them came out as they should."""
    if not audit.verdicts:
        return
    console.print(Text("\nTasks", style="bold"))
    table = _table("Task", "Mistakes", "killed", "alone", "named", "Right", "accepted", "Rejected")
    for column in table.columns[1:]:
        column.justify = "right"
    for task in [*audit.tasks, None]:
        table.add_row(Text(task or "all", style="" if task else "bold"), *map(str, astuple(audit.counts(task))))
    console.print(table)


def show_checks(console: Console, audit: Audit) -> None:
    """A line for each check: the mistakes it fails, and how many of them no other check of the task fails."""
    console.print(Text("\nChecks", style="bold"))
    table = _table("Check", "Kills", "alone", "for example")
    for column in table.columns[1:3]:
        column.justify = "right"
    for check in audit.checks.values():
        example = check.alone or check.kills
        style = "" if check.alone else "yellow"
        table.add_row(Text(check.id, style=style), str(len(check.kills)), str(len(check.alone)), ", ".join(example[:2]))
    console.print(table)
    if audit.redundant:
        names = ", ".join(check.id for check in audit.redundant)
        console.print(Text(f"No mistake would survive without one of: {names}.", style="dim"), soft_wrap=False)


def show_false_alarms(console: Console, alarms: FalseAlarms) -> None:
    """The generated table on the checks that chance has a part in."""
    console.print(Text("\nFalse alarms", style="bold"))
    table = _table(*HEADINGS)
    for row in alarms.cells():
        table.add_row(*map(Text, row))
    console.print(table)


def show_outcome(console: Console, audit: Audit) -> None:
    """The problems, or that there are none."""
    counts = audit.counts()
    console.print(
        f"\n{counts.killed} of {counts.mistakes} mistakes lose points in their task, {counts.diagnosed} of them are "
        f"diagnosed; {counts.full_marks} of {counts.right} right answers get full marks."
    )
    if nothing := audit.of("nothing"):
        zero = sum(verdict.kept == 0 for verdict in nothing)
        console.print(f"{zero} of {len(nothing)} answers that show nothing get no point.")
    if audit.files:
        console.print(f"{audit.files_as_marked} of {len(audit.files)} real-life files get the mark that they should.")
    if unjudged := sum(v.task not in v.judged for v in audit.verdicts):
        console.print(f"{unjudged} right answers were not judged in a slow task of their own; --thorough does that.")
    for problem in audit.problems:
        console.print(Text(f"✗ {problem}", style="red"))
    if not audit.problems:
        console.print(Text("✓ Nothing to mend.", style="green"))


def show_mutants(console: Console, found: Mutants) -> None:
    """Each mutant that keeps all points, or that could not be graded; then how many there are."""
    if found.survivors:
        console.print(Text("\nSurvivors: mutants that keep all points of the tasks that run their code", style="bold"))
    for mutant in (outcome.mutant for outcome in found.survivors):
        aside = f" ({', '.join(mutant.unjudged)} not judged)" if mutant.unjudged else ""
        console.print(Text(f"{', '.join(mutant.tasks)}{aside}: {mutant.where}: {mutant.kind}"), soft_wrap=True)
        console.print(Text(f"    - {mutant.old}", style="dim"), soft_wrap=True)
        console.print(Text(f"    + {mutant.new}"), soft_wrap=True)
    for outcome in found.faults:
        what = f"{outcome.mutant.where}: {outcome.mutant.new}"
        console.print(Text(f"✗ could not be graded: {what}: {outcome.fault}", style="red"), soft_wrap=True)
    count, lost = len(found.outcomes), sum(bool(outcome.lost) for outcome in found.outcomes)
    console.print(f"\n{lost} of {count} mutants lose points, {len(found.survivors)} survive.")
    if found.unjudged:
        console.print(f"{found.unjudged} more were left out: only slow tasks run their code; --thorough judges them.")
    if found.survivors:
        advice = "add a check that notices it, or say in equivalent_mutants.toml why none can or need"
        console.print(Text(f"✗ To mend: for each survivor, {advice}.", style="red"))
    elif not found.faults:
        console.print(Text("✓ Nothing to mend.", style="green"))


def _table(*columns: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in columns:
        table.add_column(name, overflow="fold", no_wrap=name in NAMES)
    return table
