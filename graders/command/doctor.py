"""`cvaekit doctor`: what this machine offers."""

import os
import platform

from rich.console import Console
from rich.table import Table

from graders.command.shared import chosen_assignment, pin_threads
from graders.manifest import assignments


def doctor() -> None:
    """Show what this machine offers: isolation level, cores, GPU, digits, versions."""
    pin_threads()
    from graders.sandbox import Sandbox, SandboxError

    console = Console(highlight=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    with console.status("Starting a locked worker"):
        try:
            with Sandbox(chosen_assignment(assignments()[0]).probes) as sandbox:
                isolation = sandbox.isolation
            table.add_row("isolation", isolation.summary)
            for attempt, outcome in isolation.self_test.items():
                table.add_row("", f"{attempt}: {outcome}")
        except SandboxError as error:
            table.add_row("isolation", f"not available: {error}")
        _machine(table)
    console.print(table)


def _machine(table: Table) -> None:
    import torch

    from graders.checks.run import versions
    from graders.digits import DataError, load

    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    table.add_row("machine", f"{platform.system()} {platform.release()} on {platform.machine()}, {cores} cores")
    table.add_row(
        "gpu", torch.cuda.get_device_name() if torch.cuda.is_available() else "none; training runs on the CPU"
    )
    try:
        digits = load()
        table.add_row(
            "digits", f"{digits.source}: {len(digits.train_images):,} to train, {len(digits.test_images):,} held out"
        )
        if digits.notice:
            table.add_row("", digits.notice)
    except DataError as error:
        table.add_row("digits", str(error))
    table.add_row("assignments", ", ".join(assignments()))
    table.add_row("versions", ", ".join(f"{name} {version}" for name, version in versions().items()))
