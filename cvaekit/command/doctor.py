"""`cvaekit doctor`: show what this machine offers."""

import platform

from rich.console import Console
from rich.table import Table

from cvaekit import kit as kits
from cvaekit.command.shared import CORES, KitFolder
from cvaekit.grading import data
from cvaekit.grading.data import SetupError
from cvaekit.grading.session import use_one_thread, versions
from cvaekit.kit import Kit
from cvaekit.sandbox import Sandbox, SandboxError


def doctor(kit: KitFolder = None) -> None:
    """Show what this machine offers: isolation level, cores, GPU, the kit in use, its data, versions."""
    in_use = kits.find(kit)
    use_one_thread()
    console = Console(highlight=False)
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    with console.status("Starting a locked worker"):
        try:
            with Sandbox(in_use.assignments()[0].probes, in_use.root) as sandbox:
                isolation = sandbox.isolation
            table.add_row("isolation", isolation.summary)
            for attempt, outcome in isolation.self_test.items():
                table.add_row("", f"{attempt}: {outcome}")
        except SandboxError as error:
            table.add_row("isolation", f"not available: {error}")
        _machine(table)
        _kit(table, in_use)
    console.print(table)


def _machine(table: Table) -> None:
    import torch

    table.add_row("machine", f"{platform.system()} {platform.release()} on {platform.machine()}, {CORES} cores")
    table.add_row(
        "gpu", torch.cuda.get_device_name() if torch.cuda.is_available() else "none; training runs on the CPU"
    )
    table.add_row("versions", ", ".join(f"{name} {version}" for name, version in versions().items()))


def _kit(table: Table, kit: Kit) -> None:
    kit.activate()
    table.add_row("kit", str(kit.root))
    for assignment in kit.assignments():
        try:
            found = data.load(assignment, None)
        except SetupError as error:
            found = error
        told = "" if found is None else f"; data {found}"
        notice = getattr(found, "notice", None)
        table.add_row("", f"{assignment.name}: {len(assignment.tasks)} tasks, {assignment.max_score:g} points{told}")
        if notice:
            table.add_row("", f"  {notice}")
