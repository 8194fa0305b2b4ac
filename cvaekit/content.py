"""Bind the packages `graders` and `reference` to the folders of one kit."""

import sys
from pathlib import Path
from types import ModuleType

PACKAGES = ("graders", "reference")


def bind(root: Path) -> None:
    """Import `graders` and `reference` from the kit in `root`, whatever else has these names on the path."""
    for name in PACKAGES:
        folder = str(root / name)
        if list(getattr(sys.modules.get(name), "__path__", [])) == [folder]:
            continue
        for loaded in [key for key in sys.modules if key == name or key.startswith(f"{name}.")]:
            del sys.modules[loaded]
        package = ModuleType(name)
        package.__path__ = [folder]
        sys.modules[name] = package
