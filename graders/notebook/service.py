"""A grader that stays warm in a process of its own, for nbgrader: one zygote serves all submissions of a run.

nbgrader's process imports no torch and forks nothing: it writes a path per line to `python -m graders.notebook.service`
and reads a report per line. A failure of the grader's own is a report of the outcome `ungradable`.
"""

import atexit
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import IO, cast

from graders.command.shared import pin_threads
from graders.manifest import load
from graders.report.model import Report


class Service:
    """The client's side: start it once, ask it for as many reports as there are submissions."""

    def __init__(self, assignment: str, min_isolation: int):
        command = [sys.executable, "-P", "-m", "graders.notebook.service", assignment, str(min_isolation)]
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


def serve(assignment: str, min_isolation: int, reports: IO[str]) -> None:
    """Grade the paths that come in on stdin until it ends."""
    pin_threads()
    manifest = load(assignment)
    from graders.sandbox import Sandbox, harden_grader

    harden_grader()
    with Sandbox(manifest.probes) as sandbox:
        import torch

        from graders import digits
        from graders.checks import many, run
        from graders.submission import intake

        torch.set_num_threads(1)
        data = digits.load()
        run.warm(manifest)
        run.rehearse(manifest)  # a run of nbgrader has many submissions, and each is graded faster for it
        isolation = sandbox.isolation
        for line in sys.stdin:
            submission = intake.find(Path(json.loads(line)), manifest)
            if isolation.level < min_isolation:
                reason = f"this machine offers isolation {isolation.summary}, and level {min_isolation} is wanted"
                report = run.ungradable(submission, manifest, isolation, reason)
            else:
                [(_, report)] = many.grade_many([submission], manifest, sandbox, data=data)
            reports.write(report.to_json() + "\n")
            reports.flush()


if __name__ == "__main__":
    # The channel to the client is ours alone: what anything here prints goes to stderr instead.
    with os.fdopen(os.dup(1), "w", encoding="utf-8") as channel:
        os.dup2(2, 1)
        serve(sys.argv[1], int(sys.argv[2]), channel)
