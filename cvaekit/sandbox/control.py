"""Messages between grader and zygote: one JSON line per request and per reply, with file descriptors attached."""

import json
import socket
from collections.abc import Sequence
from typing import Any

_CHUNK = 1 << 16  # bytes


def send(peer: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    """Send one message with the file descriptors that belong to it."""
    data = json.dumps(message).encode() + b"\n"
    sent = socket.send_fds(peer, [data], list(descriptors)) if descriptors else 0
    peer.sendall(data[sent:])


def receive(peer: socket.socket, most_descriptors: int = 2) -> tuple[dict[str, Any], list[int]]:
    """Return the next message and its descriptors. Raises EOFError when the other end is closed."""
    data, descriptors, _, _ = socket.recv_fds(peer, _CHUNK, most_descriptors)
    while data and not data.endswith(b"\n"):
        more = peer.recv(_CHUNK)
        data = data + more if more else b""
    if not data:
        raise EOFError
    message: dict[str, Any] = json.loads(data)
    return message, descriptors
