"""The grader's handle on one worker: ask a probe, get a value or a failure, and close."""

import contextlib
import os
import secrets
import signal
import socket
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Self, TypeVar

from cvaekit.sandbox import wire
from cvaekit.sandbox.channel import MAX_OUTPUT, Channel, Closed, Expired, Flood
from cvaekit.sandbox.deadline import Deadline
from cvaekit.sandbox.failures import (
    BadReply,
    Did,
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

_Failure = TypeVar("_Failure", bound=SubmissionFailure | SandboxError)

# All of these but the last are counted as a Deadline counts.
IMPORT_SECONDS = 10.0
READY_SECONDS = 60.0  # for the lock-down, before any code of a submission runs
COLD_READY_SECONDS = 180.0  # a new interpreter imports torch first
_EXIT_SECONDS = 1.0  # between the moment a worker's socket closes and the end of its process

_SUMMARIES = {
    "cpu": "forked from the zygote",
    "cuda": "started cold; no limit on address space; the GPU's device files are open to it",
}


class Worker:
    """A locked process for one submission. Any failure but an exception or an unusable value ends it.

    Use it as a context manager. `summary` says how it was started, and what it is allowed besides; `spent` how many
    seconds it has computed and waited in calls.
    """

    def __init__(
        self,
        connection: "Connection",
        source: bytes,
        filename: str,
        *,
        seed: int,
        preload: Sequence[str],
        modules: Mapping[str, str],
        device: str,
    ):
        self._connection, self._source, self._filename, self._seed = connection, source, filename, seed
        self._modules = modules
        self._wanted = {"op": "spawn", "seed": seed, "preload": list(preload), "device": device, "owner": os.getpid()}
        self.summary = _SUMMARIES.get(device, "started cold")
        self.spent = 0.0
        self._ready_seconds = READY_SECONDS if device == "cpu" else COLD_READY_SECONDS
        self._start()

    def _start(self) -> None:
        self._ready = self._imported = False
        self._failure: SubmissionFailure | SandboxError | None = None
        frames, worker_end = socket.socketpair()
        output, writing = os.pipe()
        self._channel = Channel(frames, output)
        self._pid: int | None = None
        try:
            self._pid = self._connection.request(self._wanted, [worker_end.fileno(), writing])["worker"]
        except SandboxError as error:
            self._failure = error
            self._channel.close()
            raise
        finally:
            worker_end.close()
            os.close(writing)

    @property
    def pid(self) -> int | None:
        """The process id; None once the worker has ended."""
        return self._pid

    @property
    def output(self) -> bytes:
        """The start of what the submission has printed so far. Clean it before it is shown."""
        return self._channel.printed()

    def ask(self, probe: str, /, *, seconds: float = 10.0, seed: int | None = 0, **arguments: Any) -> Any:
        """Return what `probe(module, **arguments)` returns in the worker. Raises SubmissionFailure or SandboxError.

        seconds: deadline of this call, as `Deadline` counts. The first call imports the submission before, with a
        deadline of its own.
        seed: for torch, numpy and random, set before the call; None leaves their state as it is.

        A worker that SIGKILL ends is replaced once by a fresh one, which is asked again: the system may have killed it
        when memory was short. If that one is killed too, the submission has done it (it can, with os.kill), and it is
        `Died`, which is scored. Killing itself gains a submission nothing: the same question, with the same seed, is
        asked of a process that remembers nothing.
        """
        if probe not in self._connection.probes:
            raise LookupError(f"there is no probe {probe!r}")
        takes = self._connection.probes[probe]
        if "**" not in takes and (unknown := set(arguments) - set(takes)):
            raise TypeError(f"the probe {probe!r} takes no argument {', '.join(sorted(unknown))}")
        if self._failure:
            raise self._failure
        request = {"op": "call", "probe": probe, "seed": seed}
        try:
            self.import_submission()
            return self._call(request, arguments, seconds, "call")
        except Died as died:
            if died.reason != signal.SIGKILL.name:
                raise
        self._channel.close()
        self._start()
        self.import_submission()
        return self._call(request, arguments, seconds, "call")

    def import_submission(self) -> None:
        """Import the submission, unless that is done. `ask` calls this first."""
        self.wait_ready()
        if not self._imported:
            header = {"op": "import", "filename": self._filename, "seed": self._seed, "modules": dict(self._modules)}
            try:
                self._call(header, self._source, IMPORT_SECONDS, "import")
            except SubmissionFailure as failure:
                raise self._ended_by(failure) from None
            self._imported = True

    def wait_ready(self) -> None:
        """Wait until the worker is locked. Raises SandboxError if it could not be; no code of a submission has run."""
        if self._failure:
            raise self._failure
        if self._ready:
            return
        try:
            state, _ = self._channel.receive(Deadline(self._pid or 0, self._ready_seconds))
        except (Closed, Expired, Flood, wire.Violation) as error:
            why = f"{type(error).__name__}, {_exit_reason(self._reap(_EXIT_SECONDS))}"
            printed = self.output.decode(errors="replace").strip()
            raise self._ended_by(SandboxError(f"a worker did not get ready ({why}) {printed}")) from None
        if "failed" in state:
            raise self._ended_by(SandboxError(f"a worker could not be locked: {state['failed']}"))
        self._ready = True

    def close(self) -> None:
        """Kill the worker and all processes that it started. A second call does nothing."""
        with contextlib.suppress(SandboxError):  # a zygote that has ended has ended its workers, too
            self._reap()
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _call(self, header: dict[str, Any], value: Any, seconds: float, where: Where) -> Any:
        if self._failure:
            raise self._failure
        header["id"] = secrets.token_hex(8)
        frame = wire.pack_raw(header, [value]) if where == "import" else wire.pack(header, value, strict=True)
        wire.check_caps(frame)
        deadline = Deadline(self._pid or 0, seconds)
        try:
            self._channel.send(frame, deadline)
            reply, body = self._channel.receive(deadline)
            return self._decode_reply(reply, body, header["id"], where)
        except Expired:
            did: Did = "computed" if deadline.computed >= seconds else "waited"
            failure: SubmissionFailure = TimedOut(seconds, where, did)
        except Flood:
            failure = Died(f"printed more than {MAX_OUTPUT >> 20} MB", where)
        except wire.Violation as violation:
            failure = BadReply(str(violation))
        except Closed:
            failure = Died(_exit_reason(self._reap(_EXIT_SECONDS)), where)
        finally:
            self.spent += deadline.computed + deadline.waited
        raise self._ended_by(failure)

    def _decode_reply(self, reply: dict[str, Any], body: bytearray, expected: str, where: Where) -> Any:
        if reply.get("id") != expected:
            raise wire.Violation("it answers another request")
        outcome, line = reply.get("outcome"), reply.get("line")
        if outcome == "value":
            return wire.unpack(reply, body)
        if outcome == "unexpected":
            raise WrongReturn(_text_of(reply, "got"))
        if outcome == "broken":
            error = f"{_text_of(reply, 'type')}: {_text_of(reply, 'message')}"
            raise self._ended_by(ProbeError(f"the probe raised {error}", f"{_text_of(reply, 'trace')}{error}"))
        if outcome == "raised" and (line is None or (type(line) is int and 0 < line < 2**31)):
            raise Raised(_text_of(reply, "type"), _text_of(reply, "message"), line, where)
        raise wire.Violation("it has no known outcome")

    def _ended_by(self, failure: _Failure) -> _Failure:
        """Kill the worker, and return `failure`, which every later request raises again."""
        self._failure = failure
        self._reap()
        return failure

    def _reap(self, patience: float = 0.0) -> int | None:
        """Kill the worker, after `patience` seconds if it does not end by itself; return its exit status.

        None: it did not end by itself.
        """
        if self._pid is None:
            return 0
        worker, self._pid = self._pid, None
        try:
            reply = self._connection.request({"op": "end", "worker": worker, "patience": patience})
        except SandboxError as error:
            self._failure = error
            raise
        status: int | None = reply["status"]
        return status


def _text_of(reply: dict[str, Any], key: str) -> str:
    value = reply.get(key)
    if type(value) is not str:
        raise wire.Violation(f"its {key} is not text")
    return value


def _exit_reason(status: int | None) -> str:
    if status is None:
        return "closed its connection"
    if status >= 0:
        return f"exit code {status}"
    try:
        return signal.Signals(-status).name
    except ValueError:
        return f"signal {-status}"
