"""Resource limits of a worker: the part of the lock-down that every POSIX system has."""

import resource
import sys
from pathlib import Path

MEMORY_BUDGET = (
    1 << 30
)  # on top of what the zygote has mapped already; an absolute limit would depend on the torch wheel
CPU_SECONDS = 120  # a backstop only: every call has its own deadline on the wall clock
OPEN_FILES = 128


def apply(*, memory: bool = True) -> None:
    """Lower the limits of this process, soft and hard alike. `memory=False` where a GPU's driver maps what it likes."""
    if memory and sys.platform == "linux":  # elsewhere RLIMIT_AS is refused, or not kept
        _lower(resource.RLIMIT_AS, mapped_bytes() + MEMORY_BUDGET)
    _lower(resource.RLIMIT_CPU, CPU_SECONDS)
    _lower(resource.RLIMIT_FSIZE, 0)
    _lower(resource.RLIMIT_NOFILE, OPEN_FILES)
    _lower(resource.RLIMIT_CORE, 0)


def names(*, memory: bool = True) -> list[str]:
    """What `apply` limits, for the summary."""
    return [*(["as"] if memory and sys.platform == "linux" else []), "cpu", "fsize"]


def mapped_bytes() -> int:
    """VmSize of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def _lower(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(kind, (value, value))
