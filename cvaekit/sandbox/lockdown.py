"""The order in which a worker gives up its rights, once and for good, before it sees a submission."""

import os
import signal
import sys
from dataclasses import dataclass

from cvaekit.sandbox import limits

if sys.platform == "linux":
    from cvaekit.sandbox import landlock, linux, seccomp


class LayerFailed(Exception):
    """A layer that was to be applied could not be. The worker ends; nothing runs with less than was promised."""


@dataclass(frozen=True)
class Locks:
    """What is applied. `ruleset` is Landlock's file descriptor, None where that layer is absent."""

    ruleset: int | None
    seccomp: bool
    memory: bool = True


def become_leader(parent: int) -> None:
    """A session of its own, so that it can be killed as a group; and no life after the zygote."""
    os.setsid()
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the line above
        os._exit(1)


def keep_only(descriptors: set[int]) -> None:
    """Close every other file descriptor."""
    start = 0
    for descriptor in sorted(descriptors):
        if start < descriptor:  # an empty range from 0 closes everything in Python 3.11
            os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def apply(locks: Locks) -> None:
    """Limits, no new privileges, no capabilities, Landlock, and seccomp last, because it denies the others' calls."""
    step = "rlimits"
    try:
        os.umask(0o077)
        limits.apply(memory=locks.memory)
        if sys.platform != "linux":
            return
        step = "threads"
        if linux.thread_count() != 1:  # what follows binds the calling thread only
            raise ValueError("there is more than one")
        step = "no_new_privs"
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        step = "capabilities"
        linux.drop_capabilities()
        if locks.ruleset is not None:
            step = "landlock"
            landlock.restrict_self(locks.ruleset)
            os.close(locks.ruleset)
        if locks.seccomp:
            step = "seccomp"
            seccomp.lock(os.getpid())
    except (OSError, ValueError) as error:
        raise LayerFailed(f"{step}: {error}") from error
