"""The small folders that workers write in, one for each, below a folder of the zygote's that cannot be listed."""

import os
import secrets
import shutil
from collections.abc import Callable
from pathlib import Path

MOST_BYTES = 64 << 20  # of all files of a worker; a single one has at most limits.FILE_SIZE
MOST_FILES = 1000
CHECK_SECONDS = 0.25  # a worker may exceed both between two checks


class OwnFolders:
    """Makes a folder for each worker, measures it while the worker lives, and removes it."""

    def __init__(self, parent: Path):
        self.parent = parent
        self._folders: dict[int, Path] = {}  # by process id

    def make(self) -> Path:
        """Make a folder of a name that other workers cannot guess."""
        folder = self.parent / secrets.token_hex(16)
        folder.mkdir(mode=0o700)
        return folder

    def assign(self, folder: Path, worker: int) -> None:
        self._folders[worker] = folder

    def remove(self, worker: int) -> None:
        """Remove the folder of a worker that has ended."""
        if folder := self._folders.pop(worker, None):
            shutil.rmtree(folder, onerror=_open_and_retry)

    def too_large(self) -> list[int]:
        """Return the process ids of workers whose folders hold more than they may."""
        return [worker for worker, folder in self._folders.items() if _exceeds(folder)]


def _open_and_retry(function: Callable[..., object], path: str, _: object) -> None:
    """Remove what is in a folder that the worker made without permissions."""
    try:
        os.chmod(os.path.dirname(path), 0o700)
        os.chmod(path, 0o700)
        if function is not os.rmdir and os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
        else:
            function(path)
    except OSError:  # the parent folder goes with the zygote's own, or is left to the system
        return


def _exceeds(folder: Path) -> bool:
    """Whether files below `folder` are too many or too large. Links are not followed."""
    size = count = 0
    todo = [str(folder)]
    while todo:
        try:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_blocks * 512
                    if count > MOST_FILES or size > MOST_BYTES:
                        return True
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
        except OSError:  # it has gone meanwhile, or has no permissions
            continue
    return False
