"""What the hidden tests of a notebook call when nbgrader executes them itself, without the kit's configuration.

The notebook is graded from its file, by a process of its own, with the checks of `cvaekit grade`. The score passes
through the student's kernel, where a submission can forge it; under the kit's configuration it does not.
"""

import functools
import subprocess
import sys
from pathlib import Path

from cvaekit.notebook import feedback
from cvaekit.report.model import Report


def score(assignment: str, task: str, notebook: str) -> None:
    """Print the feedback on `task` of the `notebook` in this folder, and display its points as nbgrader reads them.

    The value is displayed at once, so that a sanity test that fails further down in the cell leaves partial credit as
    it is. RuntimeError when the notebook cannot be graded here.
    """
    report = _report(assignment, Path(notebook).resolve())
    found = next(entry for entry in report.tasks if entry.id == task)
    if report.score is None:
        raise RuntimeError(found.feedback)
    sys.stdout.write(feedback.lines(found))
    sys.displayhook(found.score)


@functools.cache
def _report(assignment: str, path: Path) -> Report:
    command = [sys.executable, "-P", "-m", "cvaekit.command.main", "grade", str(path)]
    result = subprocess.run([*command, "--assignment", assignment, "--json", "-"], capture_output=True, text=True)
    if not result.stdout:
        raise RuntimeError(result.stderr.strip())
    return Report.from_json(result.stdout)
