"""`cvaekit new`: write an assignment that is sound at once."""

import os
from pathlib import Path
from typing import Annotated

import typer

from cvaekit.command.shared import fail


def new(
    name: Annotated[str, typer.Argument(metavar="NAME", help="The assignment's name, and that of its three folders.")],
    kit: Annotated[
        Path | None,
        typer.Option(
            "--kit",
            metavar="DIR",
            help="The kit to write into; made if it is not there. [default: CVAEKIT_KIT, the kit around this folder, "
            "this folder]",
        ),
    ] = None,
) -> None:
    """Write a new assignment: manifest, probes, check, mistake, variant, solution, handout, notebook plan and starter.

    It is a small exercise that can be graded at once. Change its files one by one: comments in them say what each part
    is for, and `cvaekit check` what is wrong. Nothing that is there is overwritten.

    \b
    cvaekit new linear_regression --kit my-kit
    cvaekit check linear_regression --kit my-kit
    """
    from cvaekit.author.scaffold import RefusedError, target, write_assignment

    root = target(kit)
    try:
        written = write_assignment(root, name)
    except RefusedError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{error.filename}: {error.strerror}. Name a folder that you can write to with --kit.")
    typer.echo("\n".join([f"in {root}:", *(f"wrote {path.relative_to(root).as_posix()}" for path in written)]))
    solution = os.path.relpath(root / "reference" / name / f"{name}.py")
    option = f" --kit {kit}" if kit else ""
    # A submission that lies inside a kit is graded by it only if the kit is named.
    named = option or f" --kit {os.path.relpath(root)}"
    typer.echo(
        f"Next: change {solution} and graders/{name}/, then\n"
        f"  cvaekit build --assignment {name}{option}\n"
        f"  cvaekit check {name}{option}\n"
        f"  cvaekit grade {solution} --assignment {name}{named}"
    )
