"""The report on one submission, in the form `cvaekit.report/2`."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SCHEMA = "cvaekit.report/2"

Status = Literal["right", "wrong", "not_attempted", "blocked"]
Better = Literal["lower", "higher"]


@dataclass
class CheckReport:
    """One check; `outcome` is passed, failed, skipped, or error where the grader itself is at fault."""

    id: str
    outcome: str
    message: str
    seconds: float


@dataclass
class Metric:
    """A measured number; `limit` is what it is held against, None where it is told only."""

    name: str
    value: float
    limit: float | None = None
    unit: str = ""
    better: Better = "lower"


@dataclass
class TaskReport:
    """The mark of one task, and why."""

    id: str
    title: str
    score: float
    max_score: float
    status: Status
    feedback: str
    mistake: str | None = None
    blocked_by: str | None = None
    notes: list[str] = field(default_factory=list)
    checks: list[CheckReport] = field(default_factory=list)
    metrics: list[Metric] = field(default_factory=list)


@dataclass
class Report:
    """One submission's marks and the reasons for them.

    An ungradable submission has no score (None), since a failure of the grader's own never counts as a mark; the
    feedback of its tasks is the reason.
    """

    assignment: str
    outcome: Literal["graded", "ungradable"]
    submission: dict[str, str]
    score: float | None
    max_score: float
    tasks: list[TaskReport]
    isolation: dict[str, Any]
    device: str
    seconds: float
    versions: dict[str, str]

    def to_json(self) -> str:
        """One line of JSON with the keys in the order of the schema."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Report":
        """Read a report; ValueError for any other text."""
        table = json.loads(text)
        if table.pop("schema", None) != SCHEMA:
            raise ValueError(f"not a report of the form {SCHEMA}")
        table["tasks"] = [_task(task) for task in table["tasks"]]
        return cls(**table)


def _task(table: dict[str, Any]) -> TaskReport:
    checks = [CheckReport(**check) for check in table["checks"]]
    metrics = [Metric(**metric) for metric in table["metrics"]]
    return TaskReport(**{**table, "checks": checks, "metrics": metrics})
