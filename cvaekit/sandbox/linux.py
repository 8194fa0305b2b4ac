"""Linux calls that Python does not offer, made with ctypes. Import it on Linux only."""

import ctypes
import os
from pathlib import Path
from typing import Any

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_CAPBSET_DROP = 1, 4, 24
PR_SET_CHILD_SUBREAPER, PR_SET_NO_NEW_PRIVS, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL = 36, 38, 47, 4
CAP_DAC_READ_SEARCH = 2
_CAPABILITY_VERSION_3 = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def prctl(option: int, *arguments: int) -> int:
    """Call prctl(2). Raises OSError when it fails."""
    padded = [*arguments, 0, 0, 0, 0][:4]
    return _checked(_libc.prctl(option, *(ctypes.c_ulong(argument) for argument in padded)), f"prctl({option})")


def syscall(number: int, *arguments: Any) -> int:
    """Call syscall(2). Integers are passed as longs, other arguments as ctypes passes them. Raises OSError."""
    passed = [ctypes.c_long(argument) if isinstance(argument, int) else argument for argument in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *passed), f"syscall({number})")


def _checked(result: int, call: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{call}: {os.strerror(number)}")
    return int(result)


def drop_capabilities() -> None:
    """Give up every capability but CAP_DAC_READ_SEARCH, which root needs to reach an interpreter under /root.

    Landlock still decides what may be read.
    """
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable; low words, then high words
    _checked(_libc.capget(header, sets), "capget")
    kept = sets[1] & (1 << CAP_DAC_READ_SEARCH)
    if not sets[1] and not sets[4]:
        return
    prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL)
    sets[:] = [kept, kept, 0, 0, 0, 0]
    _checked(_libc.capset(header, sets), "capset")


def thread_count(pid: int | None = None) -> int:
    """Return the number of threads of a process, by default of this one."""
    return sum(1 for _ in Path(f"/proc/{pid or 'self'}/task").iterdir())


def children(pid: int) -> list[int]:
    """Return the process ids of the children of a process that has one thread."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except FileNotFoundError:  # the kernel was built without this file
        return [child for child in _processes() if _parent(child) == pid]


def _processes() -> list[int]:
    return [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]


def _parent(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except (OSError, IndexError):
        return -1
