"""`cvaekit grade`: one or many submissions, from paths to reports."""

import contextlib
import os
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated, TextIO

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from cvaekit import kit as kits
from cvaekit.command.shared import CORES, UNGRADABLE, Jobs, KitFolder, fail, progress_bar
from cvaekit.grading.data import SetupError
from cvaekit.grading.session import DEVICES, MIN_ISOLATION, Session
from cvaekit.kit import Assignment, Kit, KitError
from cvaekit.manifest import Task
from cvaekit.report import terminal
from cvaekit.report.model import Report
from cvaekit.sandbox import SandboxError
from cvaekit.submission.assignment import assignment_of
from cvaekit.submission.intake import Submission, UnreadableInputError, find

BELOW_PASS_MARK = 1


def grade(
    paths: Annotated[list[Path], typer.Argument(metavar="PATH...", help="A .py file, a notebook, or a folder of one.")],
    json_file: Annotated[
        str | None,
        typer.Option(
            "--json", metavar="FILE", help="Also write one JSON report per line; - writes only that, to stdout."
        ),
    ] = None,
    assignment: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which assignment. [default: the one that the submissions are work on]"),
    ] = None,
    device: Annotated[
        str, typer.Option(metavar="DEVICE", help="Where the training run happens: cpu, cuda, or auto.")
    ] = "cpu",
    data: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            exists=True,
            file_okay=False,
            help="Where the assignment's full data set is. [default: CVAEKIT_DATA, ./data, the kit's own]",
        ),
    ] = None,
    jobs: Jobs = CORES,
    min_isolation: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=3, help="Refuse to grade below this isolation level; see cvaekit doctor."),
    ] = MIN_ISOLATION,
    pass_mark: Annotated[
        float | None, typer.Option(metavar="POINTS", help="End with exit code 1 when a score is below this.")
    ] = None,
    kit: KitFolder = None,
) -> None:
    """Grade submissions and explain every mark.

    A submission is a completed starter: a .py file, a notebook, or a folder with one of them. It runs in a locked
    process of its own, and nothing it does changes another one's mark. The kit's own solution is graded first: without
    full marks for it, no submission gets any.

    Exit code: 0 graded, whatever the score; 1 a score below --pass-mark; 2 wrong usage or unreadable input; 3 something
    could not be graded, through no fault of the submission's.

    \b
    cvaekit grade cvae.py
    cvaekit grade submissions/* --json reports.jsonl
    cvaekit grade . --pass-mark 60        (in CI)
    """
    if device not in DEVICES:
        fail(f"--device {device}: choose {', '.join(DEVICES[:-1])} or {DEVICES[-1]}")
    chosen = _trusted_kit(kit, paths)
    work = chosen.assignment(assignment) if assignment else _recognised(paths, chosen)
    submissions = _read(paths, work)
    with ExitStack() as stack:
        stream = _open(json_file, stack)
        # Reports for programs are not to pass through the bar.
        progress = progress_bar(TimeElapsedColumn(), redirect_stdout=stream is not sys.stdout)
        progress.add_task("Starting", total=len(submissions))
        try:
            stack.enter_context(progress)
            session = Session(work, data=data, device=device, min_isolation=min_isolation)
            stack.enter_context(session)
            codes = _grade(session, submissions, stream, progress, jobs, pass_mark)
        except SetupError as error:
            fail(str(error))
        except (KitError, SandboxError) as error:
            fail(f"{work.name} cannot be graded here: {error}", UNGRADABLE)
        except KeyboardInterrupt:
            fail("interrupted; what was reported until now is complete, the other submissions have no report", 130)
    raise typer.Exit(max(codes))


def _trusted_kit(folder: Path | None, paths: list[Path]) -> Kit:
    """The kit in use. A kit found around the working directory grades nothing that may have brought it along."""
    found = kits.find(folder)
    if folder is None and kits.VARIABLE not in os.environ and found.root != kits.SHIPPED:
        for path in paths:
            places = {Path(os.path.abspath(path)), path.resolve()}  # a link in a kit may lead out of it
            near = any(found.root.is_relative_to(each) or each.is_relative_to(found.root) for each in places)
            if near or "CI" in os.environ:
                fail(
                    f"{path} may come with the checks that would grade it: the kit in {found.root} was found because "
                    f"this folder lies in it. If these are your checks, add --kit {found.root}; otherwise name "
                    f"another kit, or the shipped one: --kit {kits.SHIPPED}."
                )
    return found


def _recognised(paths: list[Path], kit: Kit) -> Assignment:
    """The one assignment that submissions are work on; one of which that cannot be told goes with the others."""
    found: dict[str, Path] = {}
    for path in paths:
        with contextlib.suppress(UnreadableInputError):  # _read says what is wrong, with all that is
            if name := assignment_of(path, kit):
                found.setdefault(name, path)
    if len(found) > 1:
        seen = ", ".join(f"{path} is work on {name}" for name, path in found.items())
        fail(f"{seen}. Grade one assignment at a time, or choose one with --assignment.")
    if not found:
        _read(paths, kit.assignment(kit.names()[0]))
        one = paths[0] if len(paths) == 1 else "these submissions"
        fail(f"nothing tells which assignment {one} belongs to. Add --assignment with one of: {', '.join(kit.names())}")
    return kit.assignment(*found)


def _read(paths: list[Path], assignment: Assignment) -> list[Submission]:
    """All submissions; stops while a path is wrong, before anything is graded."""
    found, problems = [], []
    for path in paths:
        try:
            found.append(find(path, assignment))
        except UnreadableInputError as error:
            problems.append(str(error))
    if problems:
        fail("\ncvaekit: ".join(problems))
    return found


def _open(json_file: str | None, stack: ExitStack) -> TextIO | None:
    if json_file is None:
        return None
    if json_file == "-":
        return sys.stdout
    try:
        return stack.enter_context(open(json_file, "w", encoding="utf-8"))
    except OSError as error:
        fail(f"{json_file}: {error.strerror}")


def _grade(
    session: Session,
    submissions: list[Submission],
    stream: TextIO | None,
    progress: Progress,
    jobs: int,
    pass_mark: float | None,
) -> list[int]:
    """Grade, print in the order of the arguments as reports come in, and return the exit code of each."""
    if notice := getattr(session.data, "notice", None):
        Console(stderr=True, highlight=False).print(notice, markup=False)
    [bar] = progress.task_ids

    def on_task(index: int, task: Task) -> None:
        progress.update(bar, description=f"{submissions[index].name}: {task.id}", refresh=True)

    console = Console(highlight=False) if stream is not sys.stdout else None
    done: dict[int, Report] = {}
    codes: list[int] = []
    with closing(session.grade_many(submissions, jobs=jobs, on_task=on_task)) as grading:  # an interrupt ends it
        for index, report in grading:
            done[index] = report
            progress.update(bar, advance=1, refresh=True)
            while len(codes) in done:
                codes.append(_put_out(done[len(codes)], stream, console, pass_mark))
    if len(done) > 1 and console:
        terminal.summarize(console, [done[index] for index in range(len(done))])
    return codes


def _put_out(report: Report, stream: TextIO | None, console: Console | None, pass_mark: float | None) -> int:
    if stream is not None:
        stream.write(report.to_json() + "\n")
        stream.flush()
    if console is not None:
        terminal.show(console, report)
    if report.score is None:
        return UNGRADABLE
    return BELOW_PASS_MARK if pass_mark is not None and report.score < pass_mark else 0
