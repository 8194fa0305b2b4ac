"""`cvaekit course`: the exercise as an nbgrader course."""

from pathlib import Path
from typing import Annotated

import typer

from graders.command.shared import chosen_assignment, fail
from graders.manifest import assignments

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Work with nbgrader courses.")


@app.callback()
def course() -> None:
    """Work with nbgrader courses."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The course's folder; made if it is not there.")],
    assignment: Annotated[str | None, typer.Option(metavar="NAME", help="Only this assignment.")] = None,
) -> None:
    """Make an nbgrader course, ready to generate, autograde and export.

    Writes nbgrader_config.py, source/ and a README.md with the commands that follow. A file that is there with other
    content is never overwritten: nothing is written then, and exit code 2.
    """
    from graders.notebook import course

    if folder.exists() and not folder.is_dir():
        fail(f"{folder} is a file; name a folder")
    names = [assignment] if assignment else assignments()
    try:
        written = course.write(folder, course.files([chosen_assignment(name) for name in names], folder))
    except FileExistsError as error:
        fail(f"{folder} already holds {error}, with other content. Move that away, or name another folder.")
    except OSError as error:
        fail(f"{folder}: {error.strerror}")
    typer.echo("\n".join(f"wrote {path.as_posix()}" for path in written) or "nothing to write: all of it is there")
    typer.echo(f"Next: cd {folder} && nbgrader generate_assignment {names[0]}   (README.md has the other commands)")
