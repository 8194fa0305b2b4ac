"""Find the assignment that a submission belongs to, by its file names and by the names that its code defines."""

import os
from pathlib import Path

from cvaekit.kit import Kit
from cvaekit.submission.intake import UnreadableInputError, code, defines


def assignment_of(path: Path, kit: Kit) -> str | None:
    """Return the name of the assignment that the file or folder at `path` belongs to; None where that is not clear.

    A file with one of the file names of an assignment belongs to it. Otherwise the assignment is the one of whose
    symbols the code defines the largest share. The files of a folder count together.

    Raises UnreadableInputError for a path that cannot be read.
    """
    known = kit.assignments()
    files = _files(path)
    if named := {each.name for each in known for file in files if file.name in each.files}:
        return named.pop() if len(named) == 1 else None
    texts = [code(file) for file in files]
    shares = {
        each.name: sum(any(defines(text, symbol) for text in texts) for symbol in each.symbols) / len(each.symbols)
        for each in known
    }
    best = max(shares.values(), default=0)
    likely = [name for name, share in shares.items() if share == best > 0]
    return likely[0] if len(likely) == 1 else None


def _files(path: Path) -> list[Path]:
    if not path.is_dir() or path.is_symlink():
        return [path]
    try:
        return sorted(Path(entry.path) for entry in os.scandir(path))
    except OSError as error:
        raise UnreadableInputError(f"{path}: {error.strerror}") from error
