"""The grader's connection to one worker: send and receive frames before a deadline, and read what the worker prints."""

import os
import select
import socket
from collections.abc import Iterable
from typing import Any

from cvaekit.sandbox import wire
from cvaekit.sandbox.deadline import Deadline

KEPT_OUTPUT = 64 << 10  # bytes kept of what a submission prints; the rest is read and thrown away
MAX_OUTPUT = 256 << 20  # bytes that a submission may print


class Expired(Exception):
    """The deadline is over, and nothing lies ready."""


class Closed(Exception):
    """The worker's end is closed: its process ended, or it closed the socket."""


class Flood(Exception):
    """The submission printed more than MAX_OUTPUT bytes."""


class Channel:
    """Owns two descriptors: the socket for frames, and the pipe that the worker's stdout and stderr write to."""

    def __init__(self, frames: socket.socket, output: int):
        self._frames, self._output = frames, output
        self._arrived = bytearray()  # bytes received and not yet returned
        self._kept = bytearray()
        self._printed = 0
        frames.setblocking(False)
        os.set_blocking(output, False)
        self._poll = select.poll()
        self._poll.register(frames, select.POLLIN)
        self._poll.register(output, select.POLLIN)

    def send(self, buffers: Iterable[wire.Body], deadline: Deadline) -> None:
        """Send one frame. Raises Expired, Closed or Flood."""
        pending = memoryview(b"".join(buffers))  # joined, so that a small frame takes one system call
        while pending:
            try:
                pending = pending[self._frames.send(pending) :]
            except BlockingIOError:
                self._wait(select.POLLOUT, deadline)
            except OSError:
                raise Closed from None

    def receive(self, deadline: Deadline) -> tuple[dict[str, Any], bytearray]:
        """Return header and body of the next frame. Raises Expired, Closed, Flood, and wire.Violation for a bad frame.

        Sizes are checked before memory is allocated for them.
        """
        header, body = wire.parse_prefix(self._read(wire.PREFIX.size, deadline))
        return wire.parse_header(self._read(header, deadline)), self._read(body, deadline)

    def printed(self) -> bytes:
        """Return the start of what the worker has printed so far, at most KEPT_OUTPUT bytes."""
        try:
            while self._output >= 0 and not self._full() and (text := os.read(self._output, 1 << 16)):
                self._kept += text[: KEPT_OUTPUT - len(self._kept)]
        except BlockingIOError:
            pass
        return bytes(self._kept)

    def close(self) -> None:
        """Close both descriptors. A second call does nothing."""
        if self._output >= 0:
            self._frames.close()
            os.close(self._output)
            self._output = -1

    def _read(self, size: int, deadline: Deadline) -> bytearray:
        # The buffer grows with what arrives, so that a frame that only claims to be large costs no memory.
        while len(self._arrived) < size:
            try:
                part = self._frames.recv(1 << 20)
            except BlockingIOError:
                self._wait(select.POLLIN, deadline)
                continue
            except OSError:
                raise Closed from None
            if not part:
                raise Closed
            self._arrived += part
        wanted, self._arrived = self._arrived[:size], self._arrived[size:]
        return wanted

    def _wait(self, event: int, deadline: Deadline) -> None:
        """Wait until the socket is ready, and read the worker's prints meanwhile, so that printing never blocks it."""
        self._poll.modify(self._frames, event)
        over, ready = deadline.over(), False
        while True:
            for descriptor, events in self._poll.poll(0 if over else deadline.until_look() * 1000 + 1):
                if descriptor == self._output:
                    self._drain(events)
                else:
                    ready = True
            if ready:  # also an answer that came while this process was stopped
                return
            if over:
                raise Expired
            over = deadline.over()

    def _drain(self, events: int) -> None:
        try:
            text = os.read(self._output, 1 << 16) if events & select.POLLIN else b""
        except BlockingIOError:
            return
        if not text:  # every writer has closed the pipe; whether the worker lives is seen on the socket
            self._poll.unregister(self._output)
            return
        self._printed += len(text)
        self._kept += text[: KEPT_OUTPUT - len(self._kept)]
        if self._printed > MAX_OUTPUT:
            raise Flood

    def _full(self) -> bool:
        return len(self._kept) >= KEPT_OUTPUT
