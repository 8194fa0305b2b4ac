"""`cvaekit`: the list of commands. Each imports what is heavy only when it runs."""

import sys
from typing import Annotated

import typer

from cvaekit.command import audit, build, check, course, doctor, grade, new, shared
from cvaekit.kit import KitError

# Plain help: paragraphs are wrapped to the terminal, and examples stay as they are written.
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
app.command()(grade.grade)
app.add_typer(course.app, name="course")
app.command()(new.new)
app.command()(check.check)
app.command()(build.build)
app.command()(audit.audit)
app.command()(doctor.doctor)


def _version(show: bool) -> None:
    if show:
        from importlib.metadata import version

        typer.echo(f"cvaekit {version('cvaekit')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and stop.")
    ] = False,
) -> None:
    """Grade PyTorch exercises and explain every mark; build the exercises and courses from their solutions."""


def main() -> None:
    try:
        app()
    except KitError as error:  # one message for a kit's faults, whichever command meets them
        sys.stderr.write("".join(f"cvaekit: {line}\n" for line in str(error).splitlines()))
        sys.exit(shared.USAGE)


if __name__ == "__main__":
    main()
