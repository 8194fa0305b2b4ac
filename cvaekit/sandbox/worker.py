"""The worker: imports one submission and answers what it is asked. Everything here runs next to student code.

Nothing in this process is secret, and nothing it says is believed: the grader judges the values it sends.
"""

import contextlib
import importlib.util
import linecache
import os
import random
import socket
import sys
import traceback
from collections.abc import Callable, Mapping
from io import BufferedReader
from pathlib import PurePath
from types import ModuleType
from typing import Any, NoReturn

from cvaekit.sandbox import wire
from cvaekit.sandbox.probe import CallRaised, Unexpected, call

MESSAGE_LIMIT = 10_000  # the grader caps again, to less
Probe = Callable[..., Any]


def reseed(seed: int) -> None:
    """Seed torch (on the CPU; and on a GPU where one was opened), numpy and random."""
    import numpy
    import torch

    random.seed(seed)
    numpy.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)
    if torch.cuda.default_generators:  # empty until a GPU was opened
        torch.cuda.manual_seed_all(seed)


def serve(frames: socket.socket, probes: Mapping[str, Probe]) -> NoReturn:
    """Answer until the grader closes its end."""
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
                module = load(bytes(body), filename)
                value = None
            else:
                value = probes[header["probe"]](module, **wire.unpack(header, body))
            reply = call(wire.pack, {"id": header["id"], "outcome": "value"}, value)
        except Unexpected as unexpected:
            reply = wire.pack({"id": header["id"], "outcome": "unexpected", "got": str(unexpected.got)[:MESSAGE_LIMIT]})
        except CallRaised as raised:
            reply = wire.pack({"id": header["id"], "outcome": "raised", **report_on(raised.error, filename)})
        except BaseException as error:
            report = report_on(error, filename)
            outcome = "raised" if header["op"] == "import" or is_submissions(error, report) else "broken"
            reply = wire.pack({"id": header["id"], "outcome": outcome, **report})
        with contextlib.suppress(Exception):  # a submission may have put anything in its place
            sys.stdout.flush()
        frames.sendall(b"".join(reply))


def load(source: bytes, filename: str) -> ModuleType:
    """Import a submission from its bytes. Its text goes where dataclasses, inspect and torch.jit look for it."""
    code = compile(source, filename, "exec", dont_inherit=True)
    text = importlib.util.decode_source(source)
    linecache.cache[filename] = (len(text), None, text.splitlines(keepends=True), filename)
    name = PurePath(filename).stem
    if name in sys.modules or name == "__main__":  # a file may be called random.py; random itself must stay
        name = f"submission_{name}"
    module = ModuleType(name)
    module.__file__ = filename
    sys.modules[name] = module
    exec(code, module.__dict__)
    return module


def _receive(requests: BufferedReader) -> tuple[dict[str, Any], bytearray]:
    header, body = wire.parse_prefix(_read(requests, wire.PREFIX.size))
    return wire.parse_header(_read(requests, header)), _read(requests, body)


def _read(requests: BufferedReader, size: int) -> bytearray:
    buffer = bytearray(size)
    if requests.readinto(buffer) < size:
        raise EOFError
    return buffer


def is_submissions(error: BaseException, report: Mapping[str, Any]) -> bool:
    """Whether the submission caused an exception that left a probe: it passed through its file, or took its memory."""
    exhausted = isinstance(error, (MemoryError, RecursionError, SystemExit, KeyboardInterrupt))
    return exhausted or "allocate memory" in report["message"] or report["line"] is not None


def report_on(error: BaseException, filename: str) -> dict[str, Any]:
    """Type, message and traceback of an exception, and the deepest line of the submission's file, or None."""
    try:
        message = error.msg if isinstance(error, SyntaxError) else str(error)
        message = str(message)[:MESSAGE_LIMIT]
        trace = "".join(traceback.format_tb(error.__traceback__))[-MESSAGE_LIMIT:]  # read where a probe is broken
    except BaseException:  # a student's __str__ may do anything
        message = trace = ""
    return {"type": type(error).__name__, "message": message, "line": _line(error, filename), "trace": trace}


def _line(error: BaseException, filename: str) -> int | None:
    """The deepest line of the student's own file."""
    if isinstance(error, SyntaxError) and error.filename == filename:
        return error.lineno
    lines = [line for frame, line in traceback.walk_tb(error.__traceback__) if frame.f_code.co_filename == filename]
    return lines[-1] if lines else None
