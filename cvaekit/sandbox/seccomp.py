"""Deny system calls of a locked worker with a seccomp filter. A denied call fails with an error; nothing is killed.

The filter is a deny-list, since an allow-list would break right code with every new libc. It denies what Landlock does
not cover: processes, sockets, signals, other processes' memory, metadata of files, and kernel interfaces that no
computation needs.
"""

import ctypes
import errno
import platform
import struct

from cvaekit.sandbox import linux
from cvaekit.sandbox.syscalls import DENIED, NUMBERS

_AUDIT_ARCH_X86_64, _X32_BIT = 0xC000003E, 0x40000000
_SECCOMP, _SET_MODE_FILTER, _SPEC_ALLOW = NUMBERS["seccomp"], 1, 4

_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _AND, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x54, 0x06  # BPF opcodes
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000
_NUMBER, _ARCH = 0, 4  # offsets in struct seccomp_data

_CLONE_THREAD = 0x10000
_CLONE_NEW = 0x00020000 | 0x02000000 | 0x04000000 | 0x08000000 | 0x10000000 | 0x20000000 | 0x40000000
_O_ACCMODE, _O_TRUNC = 0o3, 0o1000
_TERMINAL_INJECTION, _SIGNAL_OWNER_IOCTLS = (0x5412, 0x541C), (0x8901, 0x8902)
_F_SETOWN, _F_SETSIG, _F_SETOWN_EX = 8, 10, 15
_PRCTL_DENIED = (linux.PR_SET_PDEATHSIG, linux.PR_SET_DUMPABLE, 35, linux.PR_SET_CHILD_SUBREAPER, 0x59616D61)

Instruction = tuple[int, int, int, int]


def available() -> bool:
    """Return whether this machine is x86_64 and its kernel accepts filters."""
    if platform.machine() != "x86_64" or struct.calcsize("P") != 8:
        return False
    try:
        linux.syscall(_SECCOMP, _SET_MODE_FILTER, 0, None)
    except OSError as error:
        return error.errno == errno.EFAULT  # the kernel knows the call, and found no filter at address 0
    return False


def restrict_self(pid: int) -> None:
    """Apply the filter to the calling thread and to all that it starts. Needs no_new_privs. pid: of this process."""
    instructions = program(pid)
    code = b"".join(struct.pack("<HBBI", *instruction) for instruction in instructions)
    buffer = ctypes.create_string_buffer(code, len(code))
    filter_program = struct.pack("<HxxxxxxQ", len(instructions), ctypes.addressof(buffer))
    # SPEC_ALLOW: without it older kernels slow the process down, to stop reading of memory that holds no secret here.
    linux.syscall(_SECCOMP, _SET_MODE_FILTER, _SPEC_ALLOW, ctypes.create_string_buffer(filter_program))


def program(pid: int) -> list[Instruction]:
    """Return the filter's instructions. pid: the only process that may be sent signals.

    The accumulator holds the number of the call; a block that loads an argument into it always returns.
    """
    code = [(_LOAD, 0, 0, _ARCH), (_EQUAL, 1, 0, _AUDIT_ARCH_X86_64), _deny()]
    code += [(_LOAD, 0, 0, _NUMBER), (_AT_LEAST, 0, 1, _X32_BIT), _deny()]
    for name in ("clone3", "openat2"):  # libc falls back to the older call, whose arguments can be filtered
        code += _when(name, [_deny(errno.ENOSYS)])
    code += _when("clone", _unless_set(0, _CLONE_THREAD) + _if_set(0, _CLONE_NEW) + [_allow()])
    for name in ("kill", "tgkill"):
        code += _when(name, [*_argument(0), (_EQUAL, 0, 1, pid), _allow(), _deny()])
    code += _when("prlimit64", [*_argument(0), (_EQUAL, 1, 0, pid), (_EQUAL, 0, 1, 0), _allow(), _deny()])
    code += _when("prctl", _if_one_of(0, _PRCTL_DENIED))
    code += _when("ioctl", _if_one_of(1, _TERMINAL_INJECTION + _SIGNAL_OWNER_IOCTLS))
    code += _when("fcntl", _if_one_of(1, (_F_SETOWN, _F_SETSIG, _F_SETOWN_EX)))
    for name, position in (("open", 1), ("openat", 2)):  # O_TRUNC empties a readable file before ABI 3 of Landlock
        truncates = [(_AND, 0, 0, _O_TRUNC | _O_ACCMODE), (_EQUAL, 0, 1, _O_TRUNC), _deny(), _allow()]
        code += _when(name, _argument(position) + truncates)
    for name in DENIED:
        code += _when(name, [_deny()])
    return [*code, _allow()]


def _when(name: str, block: list[Instruction]) -> list[Instruction]:
    return [(_EQUAL, 0, len(block), NUMBERS[name]), *block]


def _argument(position: int) -> list[Instruction]:
    """Load the low 32 bits of an argument; no argument that is filtered here has more."""
    return [(_LOAD, 0, 0, 16 + 8 * position)]


def _unless_set(position: int, bits: int) -> list[Instruction]:
    return [*_argument(position), (_ANY_BIT, 1, 0, bits), _deny()]


def _if_set(position: int, bits: int) -> list[Instruction]:
    return [*_argument(position), (_ANY_BIT, 0, 1, bits), _deny()]


def _if_one_of(position: int, values: tuple[int, ...]) -> list[Instruction]:
    tests = [(_EQUAL, len(values) - index, 0, value) for index, value in enumerate(values)]
    return [*_argument(position), *tests, _allow(), _deny()]


def _allow() -> Instruction:
    return (_RETURN, 0, 0, _ALLOW)


def _deny(number: int = errno.EPERM) -> Instruction:
    return (_RETURN, 0, 0, _ERRNO | number)
