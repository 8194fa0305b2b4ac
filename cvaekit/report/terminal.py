"""The report as a person reads it on a terminal; plain text where the output is not one."""

import textwrap

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from cvaekit.report.model import Metric, Report, TaskReport
from cvaekit.text import clean

MARKS = {"right": ("✓", "green"), "wrong": ("✗", "red"), "not_attempted": ("·", "yellow"), "blocked": ("-", "yellow")}
ROWS = ("Called", "Got", "Wanted", "Hint")
STATES = {"right": "", "wrong": "wrong", "not_attempted": "not started", "blocked": "blocked"}


def show(console: Console, report: Report) -> None:
    """Print one report."""
    console.print(_headline(report))
    if report.outcome == "ungradable":
        _paragraph(console, _line(report.tasks[0].feedback))
        _paragraph(console, "This is no fault of the submission's; it has no mark yet.")
        console.print()
        return
    console.print(_tasks(report))
    for tasks in _by_feedback(report, "wrong"):
        _explain(console, tasks)
    _remarks(console, report)
    for line in _footer(report):
        _paragraph(console, line, style="dim")
    console.print()


def summarize(console: Console, reports: list[Report]) -> None:
    """One line for each of several reports: the mark, and what it was lost on."""
    table = Table.grid(padding=(0, 2))
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column()
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
    _paragraph(console, _names(tasks), style="bold")
    for line in clean(tasks[0].feedback).splitlines():
        name, _, rest = line.partition(": ")
        known = name in ROWS
        _paragraph(console, rest if known else line, f"    {name:<7}" if known else " " * 4)


def _paragraph(console: Console, text: str, lead: str = "  ", style: str = "") -> None:
    """`text` behind `lead`. Wrapped here, since rich pads what it wraps with spaces up to the terminal's edge."""
    for line in textwrap.wrap(text, console.width, initial_indent=lead, subsequent_indent=" " * len(lead)):
        console.print(Text(line, style=style), soft_wrap=True)


def _footer(report: Report) -> list[str]:
    lines = []
    for task in report.tasks:
        if task.metrics:
            lines.append(f"{task.title}: {', '.join(map(_metric, task.metrics))}; on {report.device}.")
    lines.append(f"Isolation: {report.isolation['summary']}.")
    lines.append(f"{report.seconds:.1f} s, torch {report.versions['torch']}, cvaekit {report.versions['cvaekit']}.")
    return lines


def _metric(metric: Metric) -> str:
    """A measured number with what it is held against, as in "loss 148.1 (at most 158.5)"."""
    unit = f" {metric.unit}" if metric.unit and metric.unit not in metric.name else ""
    limit = "" if metric.limit is None else f" (at {'most' if metric.better == 'lower' else 'least'} {metric.limit:g})"
    return f"{metric.name} {metric.value:g}{unit}{limit}"


def _remarks(console: Console, report: Report) -> None:
    """A few words on what is open or waits, and each piece of advice."""
    groups = _by_feedback(report, "not_attempted", "blocked")
    remarks = [(_names(tasks), tasks[0].feedback) for tasks in groups]
    remarks += [(f"{task.id}, note", note) for task in report.tasks for note in task.notes]
    if remarks:
        console.print()
    for about, remark in remarks:
        _paragraph(console, f"{about}: {_line(remark)}")


def _line(text: str) -> str:
    return " ".join(clean(text).split())
