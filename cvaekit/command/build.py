"""`cvaekit build`: generate what students receive, or compare it with what is there."""

from typing import Annotated

import typer

from cvaekit import kit as kits
from cvaekit.command.shared import KitFolder, fail


def build(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 when a file is out of date.")
    ] = False,
    assignment: Annotated[str | None, typer.Option(metavar="NAME", help="Only this assignment.")] = None,
    kit: KitFolder = None,
) -> None:
    """Generate what students receive (starters, notebooks, the frame of the visible tests) from the solutions.

    Without --assignment also docs/marking.md, a page for instructors: every check, its points, and near misses.
    """
    from cvaekit.author import marking
    from cvaekit.author.generated_files import differences, generated_files, write

    in_use = kits.find(kit)
    chosen = in_use.assignments(assignment)
    files = {path: text for each in chosen for path, text in generated_files(each).items()}
    if assignment is None and (not check or marking.path(in_use).exists()):
        files[marking.path(in_use)] = marking.page(in_use)
    if check:
        if stale := differences(files):
            typer.echo("\n".join(stale))
            fail("generated files are out of date; run cvaekit build", 1)
        typer.echo(f"{len(files)} generated file(s) up to date.")
        return
    try:
        write(files)
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}. Build a kit of your own; --kit names it.")
    typer.echo("\n".join(f"wrote {path.relative_to(in_use.root).as_posix()}" for path in files))
