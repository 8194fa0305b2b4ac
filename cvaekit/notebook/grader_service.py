"""A grader in a process of its own that nbgrader asks for reports: one session serves all submissions of a run.

nbgrader's process imports no torch and forks nothing. It writes a path per line to this module, run as a program, and
reads a report per line. A failure of the grader's own is a report of the outcome `ungradable`.
"""

import atexit
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

from cvaekit.kit import Kit
from cvaekit.report.model import Report


class Service:
    """The client's side: start it once, ask it for as many reports as there are submissions."""

    def __init__(self, kit: Path, assignment: str, min_isolation: int):
        command = [sys.executable, "-P", "-m", __name__, str(kit), assignment, str(min_isolation)]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._questions, self._answers = cast(IO[str], self._process.stdin), cast(IO[str], self._process.stdout)
        atexit.register(self.close)

    def grade(self, path: Path) -> Report:
        """The report on the notebook at `path`. RuntimeError when the service has ended."""
        # The folder's links are the instructor's own; one in the place of the notebook is not followed.
        question = json.dumps(str(path.parent.resolve() / path.name)) + "\n"
        try:
            self._questions.write(question)
            self._questions.flush()
            line = self._answers.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise RuntimeError(f"cvaekit's grader ended with exit code {self._process.wait()}")
        return Report.from_json(line)

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def close(self) -> None:
        atexit.unregister(self.close)
        self._questions.close()
        self._process.wait()
        self._answers.close()


def serve(kit: Path, name: str, min_isolation: int, reports: IO[str]) -> None:
    """Grade the paths that come in on stdin until it ends."""
    from cvaekit.grading.session import Session
    from cvaekit.submission import intake

    assignment = Kit(kit).assignment(name)
    with Session(assignment, min_isolation=min_isolation) as session:
        session.prepare_diagnosis()  # a run of nbgrader has many submissions, and each is graded faster for it
        for line in sys.stdin:
            submission = intake.find(Path(json.loads(line)), assignment)
            [(_, report)] = session.grade_many([submission])
            reports.write(report.to_json() + "\n")
            reports.flush()


if __name__ == "__main__":
    # The channel to the client is ours alone: what anything here prints goes to stderr instead.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as channel:
        os.dup2(2, 1)
        serve(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), channel)
