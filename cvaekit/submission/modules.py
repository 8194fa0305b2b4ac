"""Follow a submission's imports into the other files of its folder, and cut out of each what is needed."""

import ast
import os
import re
import stat
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from cvaekit.submission.solution import cut
from cvaekit.submission.statements import parse

MOST = 40  # files
TAKEN = {*sys.stdlib_module_names, "torch", "torchvision", "numpy", "cvaekit", "graders", "reference"}
_IMPORT = re.compile(r"^\s*(?:from\s+([.\w]+)\s+import\s*(\([^)]*\)|.*)|import\s+(.*))", re.MULTILINE)


def candidates(text: str, package: str, folder: Path) -> Iterator[tuple[str, Path]]:
    """Yield name and path of each file below `folder` that code in `package` seems to import. Nothing is read."""
    for found in _IMPORT.finditer(text):
        names = re.findall(r"[.\w]+", found[2] or found[3] or "")
        base = _absolute(found[1], package) if found[1] else ""
        for name in [base, *(f"{base}.{name}".strip(".") for name in names)]:
            if name and name.split(".")[0] not in TAKEN and (path := _file(name, folder)):
                yield name, path


def _absolute(name: str, package: str) -> str:
    """Return the absolute name of a module that is imported in `package`, whose own files count from its folder."""
    level = len(name) - len(name.lstrip("."))
    parents = package.split(".") if level and package else []
    return ".".join([*parents[: len(parents) - level + 1], *filter(None, [name.lstrip(".")])])


def _file(name: str, folder: Path) -> Path | None:
    """Return the regular file of the module `name`. Links are not followed, to files or folders."""
    place = folder
    *packages, last = name.split(".")
    for part in packages:
        place = place / part
        if not _is(place, stat.S_ISDIR):
            return None
    for path in (place / f"{last}.py", place / last / "__init__.py"):
        if _is(path, stat.S_ISREG) and (path.parent == place or _is(path.parent, stat.S_ISDIR)):
            return path
    return None


def _is(path: Path, kind: Callable[[int], bool]) -> bool:
    try:
        return kind(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def needed(code: str, texts: Mapping[str, str]) -> dict[str, str]:
    """Return what `code` needs of the modules `texts`, by their names: each text with all other lines empty."""
    wanted: dict[str, set[str]] = {}
    found: dict[str, str] = {}
    todo = list(_imported(code, "", texts))
    while todo:
        name, symbols = todo.pop()
        if name in found and symbols <= wanted[name]:
            continue
        wanted[name] = wanted.get(name, set()) | symbols
        found[name] = cut(texts[name], wanted[name])
        is_package = any(other.startswith(f"{name}.") for other in texts)
        todo += _imported(found[name], name if is_package else name.rpartition(".")[0], texts)
    return found


def _imported(code: str, package: str, texts: Mapping[str, str]) -> Iterator[tuple[str, set[str]]]:
    """Yield each module of `texts` that `code` imports, and the names that it may take from there."""
    nodes = list(ast.walk(parse(code)))
    attributes = {node.attr for node in nodes if isinstance(node, ast.Attribute)}
    used = {node.id for node in nodes if isinstance(node, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from ((alias.name, attributes) for alias in node.names if alias.name in texts)
        elif isinstance(node, ast.ImportFrom):
            base = _absolute("." * node.level + (node.module or ""), package)
            names = {alias.name for alias in node.names}
            if base in texts:
                yield base, (names - {"*"}) | (used if "*" in names else set())
            for name in names:
                if (module := f"{base}.{name}".strip(".")) in texts:
                    yield module, attributes
