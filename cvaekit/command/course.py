"""`cvaekit course`: assignments as an nbgrader course."""

from pathlib import Path
from typing import Annotated

import typer

from cvaekit import kit as kits
from cvaekit.command.shared import KitFolder, fail

app = typer.Typer(no_args_is_help=True, rich_markup_mode=None, help="Work with nbgrader courses.")


@app.callback()
def course() -> None:
    """Work with nbgrader courses."""


@app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The course's folder; made if it is not there.")],
    assignment: Annotated[str | None, typer.Option(metavar="NAME", help="Only this assignment.")] = None,
    kit: KitFolder = None,
) -> None:
    """Make an nbgrader course, ready to generate, autograde and export.

    Writes nbgrader_config.py, source/ and a README.md with the commands that follow. A file that is there with other
    content is never overwritten: nothing is written then, and exit code 2.
    """
    from cvaekit.notebook import course

    if folder.exists() and not folder.is_dir():
        fail(f"{folder} is a file; name a folder")
    in_use = kits.find(kit)
    chosen = in_use.assignments(assignment)
    try:
        written = course.write(folder, course.files(chosen, folder))
    except FileExistsError as error:
        fail(f"{folder} already holds {error}, with other content. Move that away, or name another folder.")
    except OSError as error:
        fail(f"{folder}: {error.strerror}")
    typer.echo("\n".join(f"wrote {path.as_posix()}" for path in written) or "nothing to write: all of it is there")
    following = f"cd {folder} && nbgrader generate_assignment {chosen[0].name}"
    typer.echo(f"Next: {following}   (README.md has the other commands)")
