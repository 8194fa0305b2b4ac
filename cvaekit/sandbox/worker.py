"""Import one submission and answer the grader's requests. This code runs in the worker, beside the submission's.

The process holds no secret, and the grader trusts no reply: it judges the values in it.
"""

import contextlib
import os
import random
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from io import BufferedReader
from types import ModuleType
from typing import Any, NoReturn

from cvaekit.sandbox import wire
from cvaekit.sandbox.importer import FILES, import_submission
from cvaekit.sandbox.probe import CallRaised, Unexpected, call

MESSAGE_LIMIT = 10_000  # characters; the grader cuts to fewer
Probe = Callable[..., Any]


def reseed(seed: int) -> None:
    """Seed random, numpy and torch, on the CPU and, where this process has opened one, on a GPU."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.default_generators:  # empty until a GPU is opened
        torch.cuda.manual_seed_all(seed)


def answer_requests(frames: socket.socket, probes: Mapping[str, Probe]) -> NoReturn:
    """Answer requests until the grader closes its end of the socket.

    A reply's outcome is "value"; "unexpected" or "raised" for a failure of the submission; "broken" for one of a probe.
    """
    module: ModuleType | None = None
    filename = ""
    requests = frames.makefile("rb")  # buffered: most requests arrive in one or two system calls
    while True:
        try:
            header, body = _receive(requests)
        except (EOFError, OSError):
            os._exit(0)
        try:
            if header["seed"] is not None:
                reseed(header["seed"])
            if header["op"] == "import":
                filename = header["filename"]
                module = call(import_submission, bytes(body), filename, header["modules"])
                value = None
            else:
                value = probes[header["probe"]](module, **wire.unpack(header, body))
            reply = call(wire.pack, {"id": header["id"], "outcome": "value"}, value)
        except Unexpected as unexpected:
            reply = wire.pack({"id": header["id"], "outcome": "unexpected", "got": str(unexpected.got)[:MESSAGE_LIMIT]})
        except CallRaised as raised:
            reply = wire.pack({"id": header["id"], "outcome": "raised", **error_details(raised.error, filename)})
        except BaseException as error:
            details = error_details(error, filename)
            outcome = "raised" if caused_by_submission(error, details) else "broken"
            reply = wire.pack({"id": header["id"], "outcome": outcome, **details})
        with contextlib.suppress(Exception):  # the submission may have replaced sys.stdout
            sys.stdout.flush()
        frames.sendall(b"".join(reply))


def _receive(requests: BufferedReader) -> tuple[dict[str, Any], bytearray]:
    header, body = wire.parse_prefix(_read(requests, wire.PREFIX.size))
    return wire.parse_header(_read(requests, header)), _read(requests, body)


def _read(requests: BufferedReader, size: int) -> bytearray:
    buffer = bytearray(size)
    if requests.readinto(buffer) < size:
        raise EOFError
    return buffer


def caused_by_submission(error: BaseException, details: Mapping[str, Any]) -> bool:
    """Return whether the submission, and not the probe, caused an exception that left a probe outside `call`.

    It did if its file is in the traceback, if memory or stack ran out, or if the process was asked to end.
    """
    exhausted = isinstance(error, (MemoryError, RecursionError, SystemExit, KeyboardInterrupt))
    return exhausted or "allocate memory" in details["message"] or details["line"] is not None


def error_details(error: BaseException, filename: str) -> dict[str, Any]:
    """Return type, message and traceback ("trace") of an exception, and the deepest "line" of the submission's file."""
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        message = f"{message}{_in_another_file(error, filename)}"[:MESSAGE_LIMIT]
        trace = "".join(traceback.format_tb(error.__traceback__))[-MESSAGE_LIMIT:]
    except BaseException:  # the submission may define __str__ of its exceptions
        message = trace = ""
    return {"type": type(error).__name__, "message": message, "line": _line(error, filename), "trace": trace}


def _line(error: BaseException, filename: str) -> int | None:
    """Return the deepest line of the submission's own file in a traceback; None where it is not in it."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == filename]
    return lines[-1] if lines else None


def _in_another_file(error: BaseException, filename: str) -> str:
    """Return file and line, in brackets, where a traceback ends in another file of the submission; else nothing."""
    frames = [(frame.f_code.co_filename, line) for frame, line in traceback.walk_tb(error.__traceback__)]
    own = [place for place in frames if place[0] in FILES]
    return f" ({own[-1][0]}, line {own[-1][1]})" if own and own[-1][0] != filename else ""
