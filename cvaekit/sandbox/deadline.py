"""Deadlines of calls: they count what a worker itself computes and sleeps, however busy the machine is."""

import os
import time
from pathlib import Path

INTERVAL = 0.1  # seconds between two looks at a worker
# What part of a look counts as waiting, by the state of the most active thread. One that can run (R) computes, or would
# if it got a core. One that waits for a disk (D) has mostly the machine to blame, and must end all the same.
_WAITING = {"R": 0.0, "D": 0.1}
_TICKS = os.sysconf("SC_CLK_TCK")


class Deadline:
    """Is over once a process has computed for `seconds`, or has waited as long, since the deadline was made.

    computed: CPU seconds of all threads; waited: seconds in which every thread slept or was stopped. Both come from
    looks at the process, taken while somebody asks whether the deadline is `over`. A look counts for at most one
    interval, so that a pause of the asking process (Ctrl-Z, a frozen container) costs nothing, and many threads spend
    no more than one. The computing before the first look is free. A process whose children compute is waiting; one that
    cannot be looked at, as on macOS, counts as computing.
    """

    def __init__(self, pid: int, seconds: float):
        self.seconds = seconds
        self.computed = self.waited = 0.0
        self._pid, self._interval = pid, min(INTERVAL, seconds / 5)
        self._next = time.monotonic() + self._interval
        self._cpu: float | None = None  # CPU seconds of the process at the last look

    def over(self) -> bool:
        """Look at the process, if the next look is due, and return whether its time is used up."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + self._interval
            self._look()
        return max(self.computed, self.waited) >= self.seconds

    def until_look(self) -> float:
        """Return the seconds until the next look is due."""
        return max(0.0, self._next - time.monotonic())

    def _look(self) -> None:
        try:
            cpu, state = _usage(self._pid)
        except OSError:
            self.computed += self._interval
            return
        if self._cpu is not None:
            self.computed += min(cpu - self._cpu, self._interval)
        self.waited += self._interval * _WAITING.get(state, 1.0)
        self._cpu = cpu


def _usage(pid: int) -> tuple[float, str]:
    """Return the CPU seconds of a process, and the state of its most active thread: R, D, or any other.

    Raises OSError where that cannot be read.
    """
    fields = _stat(Path(f"/proc/{pid}"))
    states = {_stat(thread)[0] for thread in Path(f"/proc/{pid}/task").iterdir()}
    active = next((state for state in _WAITING if state in states), fields[0])
    return (int(fields[11]) + int(fields[12])) / _TICKS, active


def _stat(entry: Path) -> list[str]:
    """Return the fields of a process or thread in /proc from its state on; its name before them may hold anything."""
    return (entry / "stat").read_text(errors="replace").rpartition(")")[2].split()
