"""A task's report as the lines that students read beneath a graded cell."""

from cvaekit.report.model import TaskReport
from cvaekit.text import clean

STATES = {"right": "right", "wrong": "wrong", "not_attempted": "not started", "blocked": "blocked"}


def lines(task: TaskReport) -> str:
    """Score, what was seen, and a hint; ends with a line end."""
    head = f"{task.id}: {STATES[task.status]}, {task.score:g} of {task.max_score:g} points"
    notes = [f"Note: {note}" for note in task.notes]
    return "\n".join([head, clean(task.feedback), *map(clean, notes)]) + "\n"
