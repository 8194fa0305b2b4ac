"""Restrict which files a process may read, with the Linux kernel's Landlock. See landlock(7) for the ABI.

The ruleset handles every right that the kernel knows, so whatever no rule allows is denied. That includes TCP, and
signals and abstract sockets to processes outside.
"""

import ctypes
import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from cvaekit.sandbox import linux

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # the same on every architecture
_VERSION, _PATH_BENEATH = 1, 1

EXECUTE, WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE, IOCTL_DEV = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 14, 1 << 15
REMOVE_DIR, REMOVE_FILE, MAKE_DIR, MAKE_FILE = 1 << 4, 1 << 5, 1 << 7, 1 << 8
_CHANGES = WRITE_FILE | TRUNCATE | REMOVE_DIR | REMOVE_FILE | MAKE_DIR | MAKE_FILE
_FS_RIGHTS = {1: (1 << 13) - 1, 2: (1 << 14) - 1, 3: (1 << 15) - 1, 4: (1 << 15) - 1}
_FS_RIGHTS_NEWEST = (1 << 16) - 1  # ABI 5 added ioctl on devices
_TCP_RIGHTS, _SCOPES = 0b11, 0b11  # bind and connect (ABI 4); abstract sockets and signals (ABI 6)
_FILE_RIGHTS = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
_NEWEST_ABI = 7


class _Beneath(ctypes.Structure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32)]


def abi() -> int | str:
    """Return the kernel's ABI version, or the name of the error with which it refuses (ENOSYS, EOPNOTSUPP, EPERM).

    The system call itself is asked: neither the kernel's version nor /sys is reliable.
    """
    try:
        return min(linux.syscall(_CREATE_RULESET, None, 0, _VERSION), _NEWEST_ABI)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "error")


def ruleset(version: int, read: Iterable[Path], write: Iterable[Path], folders: Path) -> int:
    """Return the file descriptor of a ruleset that allows reading below `read`, and writing existing files `write`.

    version: of the ABI; folders: holds the workers' own folders. It cannot be listed, so that a worker knows its own
    only, and `own_folder_only` keeps it from writing elsewhere. Paths that do not exist are left out.
    """
    handled = _FS_RIGHTS.get(version, _FS_RIGHTS_NEWEST)
    descriptor = _create([handled] + [_TCP_RIGHTS] * (version >= 4) + [_SCOPES] * (version >= 6))
    _allow(descriptor, folders, (READ_FILE | _CHANGES) & handled)
    for path in read:
        _allow(descriptor, path, (READ_FILE | READ_DIR) & handled)
    for path in write:
        _allow(descriptor, path, (READ_FILE | READ_DIR | WRITE_FILE | TRUNCATE | IOCTL_DEV) & handled)
    return descriptor


def own_folder_only(version: int, folder: Path, write: Iterable[Path]) -> int:
    """Return the file descriptor of a second ruleset, which allows writing only below `folder` and `write`."""
    handled = _FS_RIGHTS.get(version, _FS_RIGHTS_NEWEST) & ~(READ_FILE | READ_DIR | EXECUTE | IOCTL_DEV)
    descriptor = _create([handled])
    _allow(descriptor, folder, _CHANGES & handled)
    for path in write:
        _allow(descriptor, path, (WRITE_FILE | TRUNCATE) & handled)
    return descriptor


def _create(words: list[int]) -> int:
    attributes = (ctypes.c_uint64 * len(words))(*words)
    descriptor = linux.syscall(_CREATE_RULESET, attributes, ctypes.sizeof(attributes), 0)
    os.set_inheritable(descriptor, False)
    return descriptor


def _allow(descriptor: int, path: Path, rights: int) -> None:
    try:
        target = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError, PermissionError):
        return
    try:
        if not stat.S_ISDIR(os.fstat(target).st_mode):
            rights &= _FILE_RIGHTS
        linux.syscall(_ADD_RULE, descriptor, _PATH_BENEATH, ctypes.byref(_Beneath(rights, target)), 0)
    finally:
        os.close(target)


def restrict_self(descriptor: int) -> None:
    """Apply a ruleset to the calling thread and to all that it starts. Needs no_new_privs."""
    linux.syscall(_RESTRICT_SELF, descriptor, 0)
