"""Messages between grader and zygote: one JSON line each way, in lockstep, with file descriptors beside them."""

import json
import socket
from collections.abc import Sequence
from typing import Any

_CHUNK = 1 << 16


def send(peer: socket.socket, message: dict[str, Any], descriptors: Sequence[int] = ()) -> None:
    data = json.dumps(message).encode() + b"\n"
    sent = socket.send_fds(peer, [data], list(descriptors)) if descriptors else 0
    peer.sendall(data[sent:])


def receive(peer: socket.socket, most_descriptors: int = 2) -> tuple[dict[str, Any], list[int]]:
    """The next message with its descriptors; EOFError at the end."""
    data, descriptors, _, _ = socket.recv_fds(peer, _CHUNK, most_descriptors)
    while data and not data.endswith(b"\n"):
        more = peer.recv(_CHUNK)
        data = data + more if more else b""
    if not data:
        raise EOFError
    message: dict[str, Any] = json.loads(data)
    return message, descriptors
