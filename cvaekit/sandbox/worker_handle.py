"""A worker as the grader sees it: ask, get a value or a failure, close."""

import contextlib
import os
import secrets
import signal
import socket
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Self

from cvaekit.sandbox import wire
from cvaekit.sandbox.channel import MAX_OUTPUT, Channel, Closed, Expired, Flood
from cvaekit.sandbox.failures import (
    BadReply,
    Died,
    ProbeError,
    Raised,
    SandboxError,
    SubmissionFailure,
    TimedOut,
    Where,
    WrongReturn,
)

if TYPE_CHECKING:
    from cvaekit.sandbox.client import Connection

IMPORT_SECONDS = 10.0
READY_SECONDS = 60.0  # for the lock-down, in which no line of a submission runs
COLD_READY_SECONDS = 180.0
_PATIENCE = 0.3  # for a process that closed its socket to be seen to have ended

_SUMMARIES = {
    "cpu": "forked from the zygote",
    "cuda": "started cold; no limit on address space; the GPU's device files are open to it",
}


class Worker:
    """A locked process for one submission. Its first failure other than an exception is its last: it is killed.

    Use it as a context manager. `summary` says how it differs from the worker that the self-test ran in.
    """

    def __init__(
        self, connection: "Connection", source: bytes, filename: str, *, seed: int, preload: Sequence[str], device: str
    ):
        self._connection, self._source, self._filename, self._seed = connection, source, filename, seed
        self.summary = _SUMMARIES.get(device, "started cold")
        self._ready = self._imported = False
        self._ready_seconds = READY_SECONDS if device == "cpu" else COLD_READY_SECONDS
        self._over: SubmissionFailure | SandboxError | None = None
        frames, theirs = socket.socketpair()
        output, writing = os.pipe()
        self._channel = Channel(frames, output)
        self._pid: int | None = None
        message = {"op": "spawn", "seed": seed, "preload": list(preload), "device": device, "owner": os.getpid()}
        try:
            self._pid = connection.request(message, [theirs.fileno(), writing])["worker"]
        except SandboxError:
            self._channel.close()
            raise
        finally:
            theirs.close()
            os.close(writing)

    @property
    def pid(self) -> int | None:
        """The process id; None once it has been closed."""
        return self._pid

    @property
    def output(self) -> bytes:
        """The start of what the submission has printed so far. Never to be shown without cleaning it."""
        return self._channel.printed()

    def ask(self, probe: str, /, *, seconds: float = 10.0, seed: int | None = 0, **arguments: Any) -> Any:
        """What `probe(module, **arguments)` returns in the worker, or a SubmissionFailure.

        seconds: for this call. The first call imports the submission before, under a deadline of its own.
        seed: of torch, numpy and random, just before the call; None leaves them as they are.
        """
        if probe not in self._connection.probes:
            raise LookupError(f"there is no probe {probe!r}")
        takes = self._connection.probes[probe]
        if "**" not in takes and (unknown := set(arguments) - set(takes)):  # our mistake, not the submission's
            raise TypeError(f"the probe {probe!r} takes no argument {', '.join(sorted(unknown))}")
        self.load()
        return self._call({"op": "call", "probe": probe, "seed": seed}, arguments, seconds, "call")

    def load(self) -> None:
        """Import the submission, unless that is done. The first `ask` does it by itself."""
        self.wait_ready()
        if not self._imported:
            header = {"op": "import", "filename": self._filename, "seed": self._seed}
            try:
                self._call(header, self._source, IMPORT_SECONDS, "import")
            except SubmissionFailure as failure:
                self._end(failure, 0.0)
                raise
            self._imported = True

    def wait_ready(self) -> None:
        """Return once the worker is locked. SandboxError if it could not be: no line of a submission has run yet."""
        if self._over:
            raise self._over
        if self._ready:
            return
        try:
            word, _ = self._channel.receive(time.monotonic() + self._ready_seconds)
        except (Closed, Expired, Flood, wire.Violation) as error:
            status = self._reap(_PATIENCE)
            said = self.output.decode(errors="replace").strip()  # by us: no line of a submission has run
            self._fail(SandboxError(f"a worker did not get ready ({type(error).__name__}, {_reason(status)}) {said}"))
        if "failed" in word:
            self._fail(SandboxError(f"a worker could not be locked: {word['failed']}"))
        self._ready = True

    def close(self) -> None:
        """Kill the worker and all that it started, and reap it."""
        with contextlib.suppress(SandboxError):  # a zygote that is gone has taken its workers with it
            self._reap(0.0)
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _call(self, header: dict[str, Any], value: Any, seconds: float, where: Where) -> Any:
        if self._over:
            raise self._over
        header["id"] = secrets.token_hex(8)
        frame = wire.pack_raw(header, [value]) if where == "import" else wire.pack(header, value, strict=True)
        wire.check_caps(frame)
        deadline = time.monotonic() + seconds
        try:
            self._channel.send(frame, deadline)
            reply, body = self._channel.receive(deadline)
            return self._judge(reply, body, header["id"], where)
        except Expired:
            self._end(TimedOut(seconds, where), 0.0)
        except Flood:
            self._end(Died(f"printed more than {MAX_OUTPUT >> 20} MB", where), 0.0)
        except wire.Violation as violation:
            self._end(BadReply(str(violation)), 0.0)
        except Closed:
            self._end(Died(_reason(self._reap(_PATIENCE)), where), 0.0)
        assert self._over is not None
        raise self._over

    def _judge(self, reply: dict[str, Any], body: bytearray, expected: str, where: Where) -> Any:
        if reply.get("id") != expected:
            raise wire.Violation("it answers another request")
        outcome, line = reply.get("outcome"), reply.get("line")
        if outcome == "value":
            return wire.unpack(reply, body)
        if outcome == "unexpected":
            raise WrongReturn(_text(reply, "got"))
        if outcome == "broken":
            error = f"{_text(reply, 'type')}: {_text(reply, 'message')}"
            self._fail(ProbeError(f"the probe raised {error}", f"{_text(reply, 'trace')}{error}"))
        if outcome == "raised" and (line is None or (type(line) is int and 0 < line < 2**31)):
            raise Raised(_text(reply, "type"), _text(reply, "message"), line, where)
        raise wire.Violation("it has no known outcome")

    def _end(self, failure: SubmissionFailure | SandboxError, patience: float) -> None:
        self._over = failure
        self._reap(patience)

    def _fail(self, error: SandboxError) -> NoReturn:
        self._end(error, 0.0)
        raise error

    def _reap(self, patience: float) -> int:
        if self._pid is None:
            return 0
        worker, self._pid = self._pid, None
        status: int = self._connection.request({"op": "end", "worker": worker, "patience": patience})["status"]
        return status


def _text(reply: dict[str, Any], key: str) -> str:
    value = reply.get(key)
    if type(value) is not str:
        raise wire.Violation(f"its {key} is not text")
    return value


def _reason(status: int) -> str:
    if status >= 0:
        return f"exit code {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
