"""The report as a person reads it on a terminal; plain text where the output is not one."""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from graders.report.model import Report, TaskReport
from graders.report.text import clean

MARKS = {"right": ("✓", "green"), "wrong": ("✗", "red"), "not_attempted": ("·", "yellow"), "blocked": ("-", "yellow")}
STATES = {"right": "", "wrong": "wrong", "not_attempted": "not started", "blocked": "blocked"}


def show(console: Console, report: Report) -> None:
    """Print one report."""
    console.print(_headline(report))
    if report.outcome == "ungradable":
        console.print(Padding(Text(_line(report.tasks[0].feedback)), (0, 0, 0, 2)))
        console.print(Padding(Text("This is no fault of the submission's; it has no mark yet."), (0, 0, 1, 2)))
        return
    console.print(_tasks(report))
    for tasks in _by_feedback(report, "wrong"):
        _explain(console, tasks)
    _remarks(console, report)
    console.print(Padding(Text(_footer(report), style="dim"), (0, 0, 1, 2)))


def summarize(console: Console, reports: list[Report]) -> None:
    """One line for each of several reports: the mark, and what it was lost on."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(ratio=1)
    for report in reports:
        lost = [task.id for task in report.tasks if task.score < task.max_score]
        remark = "everything" if len(lost) == len(report.tasks) else ", ".join(lost)
        table.add_row(
            Text(_mark(report)),
            Text(_line(report.submission["name"])),
            Text(f"lost on {remark}" if lost else "", style="dim"),
        )
    console.print(table)


def _headline(report: Report) -> Table:
    table = Table.grid(expand=True)
    table.add_column(ratio=1)
    table.add_column(justify="right")
    table.add_row(Text(_line(report.submission["name"]), style="bold"), Text(_mark(report), style="bold"))
    return table


def _mark(report: Report) -> str:
    return "ungradable" if report.score is None else f"{report.score:g} / {report.max_score:g}"


def _tasks(report: Report) -> Padding:
    table = Table.grid(padding=(0, 2), expand=True)
    table.add_column(width=1)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, ratio=1)
    table.add_column(justify="right", no_wrap=True)
    for task in report.tasks:
        mark, colour = MARKS[task.status]
        state = STATES[task.status]
        title = Text(task.title) if not state else Text.assemble(task.title, (f" ({state})", colour))
        table.add_row(Text(mark, style=colour), task.id, title, f"{task.score:g} / {task.max_score:g}")
    return Padding(table, (0, 0, 0, 2))


def _by_feedback(report: Report, *statuses: str) -> list[list[TaskReport]]:
    """The tasks with one of `statuses`, those with the same feedback together."""
    groups: dict[str, list[TaskReport]] = {}
    for task in report.tasks:
        if task.status in statuses:
            groups.setdefault(task.feedback, []).append(task)
    return list(groups.values())


def _names(tasks: list[TaskReport]) -> str:
    return ", ".join(task.id for task in tasks)


def _explain(console: Console, tasks: list[TaskReport]) -> None:
    console.print()
    console.print(Padding(Text(_names(tasks), style="bold"), (0, 0, 0, 2)))
    table = Table.grid(padding=(0, 1))
    table.add_column(no_wrap=True, style="dim")
    table.add_column()
    lines = [line.partition(": ") for line in clean(tasks[0].feedback).splitlines()]
    labels = ("Called", "Got", "Wanted", "Hint")
    for label, colon, rest in lines:
        if label in labels:
            table.add_row(label, Text(rest))
        elif any(first in labels for first, _, _ in lines):
            table.add_row("", Text(label + colon + rest))
        else:
            console.print(Padding(Text(label + colon + rest), (0, 0, 0, 4)))
    if table.row_count:
        console.print(Padding(table, (0, 0, 0, 4)))


def _footer(report: Report) -> str:
    lines = []
    if training := report.training:
        lines.append(
            f"Training: {training['nats']} nats per unseen digit (limit {training['limit']:g}), KL {training['kl']}, "
            f"{training['steps']} steps on {training['device']}."
        )
    lines.append(f"Isolation: {report.isolation['summary']}.")
    lines.append(f"{report.seconds:.1f} s, torch {report.versions['torch']}, cvaekit {report.versions['cvaekit']}.")
    return "\n".join(lines)


def _remarks(console: Console, report: Report) -> None:
    """A few words on what is open or waits, and each piece of advice."""
    groups = _by_feedback(report, "not_attempted", "blocked")
    remarks = [(_names(tasks), tasks[0].feedback) for tasks in groups]
    remarks += [(f"{task.id}, note", note) for task in report.tasks for note in task.notes]
    if remarks:
        console.print()
    for label, remark in remarks:
        console.print(Padding(Text.assemble((f"{label}: ", "bold"), _line(remark)), (0, 0, 0, 2)))


def _line(text: str) -> str:
    return " ".join(clean(text).split())
