"""What autograding costs through nbgrader, with the kit's configuration and without: `python bench_nbgrader.py`.

The same notebooks, one after the other, with nbgrader's own command; its start-up counts in both.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "notebook"))

from notebook_course import ASSIGNMENT, Course, hand_ins, solutions

STUDENTS = tuple(solutions())  # the honest ones: right in two ways, untouched, six mistakes
BUDGET = 0.25


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        course = Course(Path(folder) / "course")
        course.run("cvaekit", "course", "init", course.folder, cwd=folder)
        course.run("nbgrader", "generate_assignment", ASSIGNMENT)
        notebooks = hand_ins(course.released)
        course.hand_in({student: notebooks[student] for student in STUDENTS})
        stock = Course(Path(folder) / "stock")
        shutil.copytree(course.folder, stock.folder)
        (stock.folder / "nbgrader_config.py").write_text("c = get_config()\nc.Execute.timeout = 120\n")
        ours, theirs = seconds(course), seconds(stock)
    print(
        f"autograde, {len(STUDENTS)} notebooks: {ours:.1f} s each with the kit, {theirs:.1f} s each stock   "
        f"budget {BUDGET:.2f}  ratio {ours / theirs:.2f}"
    )


def seconds(course: Course) -> float:
    started = time.perf_counter()
    course.run("nbgrader", "autograde", ASSIGNMENT)
    return (time.perf_counter() - started) / len(STUDENTS)


if __name__ == "__main__":
    main()
