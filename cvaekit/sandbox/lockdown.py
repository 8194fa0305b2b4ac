"""Lock a worker: give up its rights, in a fixed order and for good, before it imports a submission."""

import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path

from cvaekit.sandbox import limits

if sys.platform == "linux":
    from cvaekit.sandbox import allowed_paths, landlock, linux, seccomp


class LayerFailed(Exception):
    """A layer of the lock-down could not be applied. The worker ends, so that nothing runs with fewer layers."""


@dataclass(frozen=True)
class Locks:
    """The layers to apply. ruleset: Landlock's file descriptor, or None; abi: its version; gpu: whether one is used."""

    ruleset: int | None
    abi: int
    seccomp: bool
    gpu: bool = False


def become_session_leader(parent: int) -> None:
    """Start a session, so that this process and its children can be killed as a group, and end when `parent` ends."""
    os.setsid()
    if sys.platform == "linux":
        linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # the parent ended before the line above
        os._exit(1)


def keep_only(descriptors: set[int]) -> None:
    """Close all file descriptors but `descriptors`."""
    start = 0
    for descriptor in sorted(descriptors):
        if start < descriptor:  # closerange(0, 0) closes everything in Python 3.11
            os.closerange(start, descriptor)
        start = descriptor + 1
    os.closerange(start, os.sysconf("SC_OPEN_MAX"))


def apply(locks: Locks, folder: Path) -> None:
    """Apply limits, no_new_privs, no capabilities, Landlock, and last seccomp, which denies the calls of the others.

    folder: the one that this process may write in, but not without Landlock, as nothing would keep it there.
    Raises LayerFailed, with the name of the layer.
    """
    step = "rlimits"
    try:
        os.umask(0o077)
        limits.apply(memory=not locks.gpu, writes=locks.ruleset is not None)
        if sys.platform != "linux":
            return
        step = "threads"
        if linux.thread_count() != 1:  # the following layers apply to the calling thread only
            raise ValueError("there is more than one")
        step = "no_new_privs"
        linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
        step = "capabilities"
        linux.drop_capabilities()
        if locks.ruleset is not None:
            step = "landlock"
            own = landlock.own_folder_only(locks.abi, folder, allowed_paths.write_paths(gpu=locks.gpu))
            for ruleset in (locks.ruleset, own):
                landlock.restrict_self(ruleset)
                os.close(ruleset)
        if locks.seccomp:
            step = "seccomp"
            seccomp.restrict_self(os.getpid())
    except (OSError, ValueError) as error:
        raise LayerFailed(f"{step}: {error}") from error
