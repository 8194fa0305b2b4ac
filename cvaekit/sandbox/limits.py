"""Set the resource limits of a worker: the part of the lock-down that every POSIX system offers."""

import resource
import sys
from pathlib import Path

MEMORY_BUDGET = 1 << 30  # bytes beyond those that the zygote has mapped, which depend on the build of torch
CPU_SECONDS = 300  # a last resort: the grader ends calls that compute for too long
OPEN_FILES = 128
FILE_SIZE = 16 << 20  # bytes of a file that a worker writes, where it has a folder of its own


def apply(*, memory: bool = True, writes: bool = False) -> None:
    """Lower the soft and hard limits of this process.

    memory: whether to limit address space; not with a GPU. writes: whether files may be written at all.
    """
    if memory and sys.platform == "linux":  # elsewhere RLIMIT_AS is refused, or not kept
        _lower(resource.RLIMIT_AS, mapped_bytes() + MEMORY_BUDGET)
    _lower(resource.RLIMIT_CPU, CPU_SECONDS)
    _lower(resource.RLIMIT_FSIZE, FILE_SIZE if writes else 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)


def names(*, memory: bool = True) -> list[str]:
    """Return the names of the limits that `apply` sets and the summary shows."""
    return [*(["as"] if memory and sys.platform == "linux" else []), "cpu", "fsize"]


def mapped_bytes() -> int:
    """Return the size of this process's address space in bytes."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))
