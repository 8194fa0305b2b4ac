"""`cvaekit build`: starters and notebooks from reference/, or a comparison of the two."""

from typing import Annotated

import typer

from graders.command.shared import chosen_assignment, fail
from graders.manifest import assignments


def build(
    check: Annotated[
        bool, typer.Option("--check", help="Change nothing; exit code 1 when a file is out of date.")
    ] = False,
    assignment: Annotated[str | None, typer.Option(metavar="NAME", help="Only this assignment.")] = None,
) -> None:
    """Generate the starters and notebooks in assignments/ from the solutions in reference/."""
    from graders.build import differences, generated_files, write

    names = [chosen_assignment(assignment).name] if assignment else assignments()
    files = {path: text for name in names for path, text in generated_files(name).items()}
    if check:
        if stale := differences(files):
            typer.echo("\n".join(stale))
            fail("generated files are out of date; run cvaekit build", 1)
        typer.echo(f"{len(files)} generated file(s) up to date.")
    else:
        write(files)
        typer.echo("\n".join(f"wrote {path.name}" for path in files))
