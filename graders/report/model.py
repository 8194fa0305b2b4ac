"""The report on one submission, in the form `cvaekit.report/1`."""

import json
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

SCHEMA = "cvaekit.report/1"

Status = Literal["right", "wrong", "not_attempted", "blocked"]


@dataclass
class CheckReport:
    id: str
    outcome: str
    message: str
    seconds: float


@dataclass
class TaskReport:
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
    training: dict[str, Any] | None
    isolation: dict[str, Any]
    seconds: float
    versions: dict[str, str]

    def to_json(self) -> str:
        """One line of JSON with the keys in the order of the schema."""
        return json.dumps({"schema": SCHEMA, **asdict(self)}, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> "Report":
        table = json.loads(text)
        if table.pop("schema") != SCHEMA:
            raise ValueError(f"not a report of the form {SCHEMA}")
        table["tasks"] = [
            TaskReport(**{**task, "checks": [CheckReport(**check) for check in task["checks"]]})
            for task in table["tasks"]
        ]
        return cls(**table)
