"""`cvaekit grade`: one or many submissions, from paths to reports."""

import contextlib
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TextIO

import typer
from rich.console import Console
from rich.progress import TimeElapsedColumn

from graders.command.shared import CORES, UNGRADABLE, chosen_assignment, fail, pin_threads, progress_bar
from graders.manifest import Manifest, Task, assignments
from graders.report import terminal
from graders.submission.intake import Submission, UnreadableInputError, find
from graders.submission.which import assignment_of

if TYPE_CHECKING:
    from graders.report.model import Report
    from graders.sandbox import Sandbox

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
            help="Where the full MNIST set is (MNIST/raw/...). [default: CVAEKIT_DATA, ./data, the kit's digits]",
        ),
    ] = None,
    jobs: Annotated[
        int,
        typer.Option(
            metavar="N", min=1, help="How many submissions to grade at once.", show_default="one for each core"
        ),
    ] = CORES,
    min_isolation: Annotated[
        int,
        typer.Option(metavar="N", min=0, max=3, help="Refuse to grade below this isolation level; see cvaekit doctor."),
    ] = 2,
    pass_mark: Annotated[
        float | None, typer.Option(metavar="POINTS", help="End with exit code 1 when a score is below this.")
    ] = None,
) -> None:
    """Grade submissions and explain every mark.

    A submission is a completed starter: a .py file, a notebook, or a folder with one of them. It runs in a locked
    process of its own, and nothing it does changes another one's mark.

    Exit code: 0 graded, whatever the score; 1 a score below --pass-mark; 2 wrong usage or unreadable input; 3 something
    could not be graded, through no fault of the submission's.

    \b
    cvaekit grade cvae.py
    cvaekit grade submissions/* --json reports.jsonl
    cvaekit grade . --pass-mark 60        (in CI)
    """
    manifest = chosen_assignment(assignment) if assignment else _told_by(paths)
    if device not in ("auto", "cpu", "cuda"):
        fail(f"--device {device}: choose auto, cpu or cuda")
    submissions = _read(paths, manifest)
    pin_threads()
    with ExitStack() as stack:
        stream = _open(json_file, stack)
        from graders.sandbox import Sandbox, SandboxError, harden_grader

        harden_grader()
        try:
            # The sandbox loads torch in its own process while this one does the same.
            sandbox = stack.enter_context(Sandbox(manifest.probes))
            codes = _grade(submissions, manifest, sandbox, stream, device, data, jobs, min_isolation, pass_mark)
        except SandboxError as error:
            fail(f"the sandbox does not work here: {error}", UNGRADABLE)
        except KeyboardInterrupt:
            fail("interrupted; what was reported until now is complete, the other submissions have no report", 130)
    raise typer.Exit(max(codes))


def _told_by(paths: list[Path]) -> Manifest:
    """The one assignment that submissions are work on; one of which that cannot be told goes with the others."""
    found: dict[str, Path] = {}
    for path in paths:
        with contextlib.suppress(UnreadableInputError):  # _read says what is wrong, with all that is
            if name := assignment_of(path):
                found.setdefault(name, path)
    if len(found) > 1:
        seen = ", ".join(f"{path} is work on {name}" for name, path in found.items())
        fail(f"{seen}. Grade one assignment at a time, or choose one with --assignment.")
    if not found:
        _read(paths, chosen_assignment(assignments()[0]))
        one = paths[0] if len(paths) == 1 else "these submissions"
        fail(
            f"nothing tells which assignment {one} belongs to. Add --assignment with one of: {', '.join(assignments())}"
        )
    return chosen_assignment(*found)


def _read(paths: list[Path], manifest: Manifest) -> list[Submission]:
    """All submissions, or the end: nothing is graded while a path is wrong."""
    found, problems = [], []
    for path in paths:
        try:
            found.append(find(path, manifest))
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
    submissions: list[Submission],
    manifest: Manifest,
    sandbox: "Sandbox",
    stream: TextIO | None,
    device: str,
    data: Path | None,
    jobs: int,
    min_isolation: int,
    pass_mark: float | None,
) -> list[int]:
    """Grade, print in the order of the arguments as reports come in, and return the exit code of each."""
    # Reports for programs are not to pass through it.
    progress = progress_bar(TimeElapsedColumn(), redirect_stdout=stream is not sys.stdout)
    bar = progress.add_task("Starting", total=len(submissions))
    for_people = stream is not sys.stdout
    with progress:
        many, digits, where = _load(manifest, device, data)
        if sandbox.isolation.level < min_isolation:
            fail(
                f"this machine offers isolation {sandbox.isolation.summary}. Grading wants level {min_isolation}: "
                f"use a Linux machine on x86_64 (a plain container or WSL2 will do), or accept the risk with "
                f"--min-isolation {sandbox.isolation.level}. `cvaekit doctor` shows the details.",
                UNGRADABLE,
            )

        def on_task(index: int, task: Task) -> None:
            progress.update(bar, description=f"{submissions[index].name}: {task.id}", refresh=True)

        console = Console(highlight=False)
        done: dict[int, Report] = {}
        codes: list[int] = []
        grading = many.grade_many(submissions, manifest, sandbox, jobs=jobs, device=where, data=digits, on_task=on_task)
        with closing(grading):  # so that an interrupt ends what is still running
            for index, report in grading:
                done[index] = report
                progress.update(bar, advance=1, refresh=True)
                while len(codes) in done:
                    codes.append(_put_out(done[len(codes)], stream, console if for_people else None, pass_mark))
        if len(done) > 1 and for_people:
            terminal.summarize(console, [done[index] for index in range(len(done))])
    return codes


def _load(manifest: Manifest, device: str, data: Path | None) -> tuple[Any, Any, str]:
    """Everything slow that the grading processes inherit: torch, the checks, the digits."""
    import torch

    from graders.checks import many, run
    from graders.digits import DataError, load

    torch.set_num_threads(1)
    if device == "cuda" and not torch.cuda.is_available():
        fail("--device cuda: torch finds no GPU here; leave --device out to train on the CPU")
    where = "cuda" if device != "cpu" and torch.cuda.is_available() else "cpu"
    try:
        digits = load(data)
    except DataError as error:
        fail(str(error))
    if digits.notice:
        Console(stderr=True, highlight=False).print(digits.notice, markup=False)
    run.warm(manifest)
    return many, digits, where


def _put_out(report: "Report", stream: TextIO | None, console: Console | None, pass_mark: float | None) -> int:
    if stream is not None:
        stream.write(report.to_json() + "\n")
        stream.flush()
    if console is not None:
        terminal.show(console, report)
    if report.score is None:
        return UNGRADABLE
    return BELOW_PASS_MARK if pass_mark is not None and report.score < pass_mark else 0
