"""Values arrive as they were sent, and a frame that breaks the rules is refused without a cost."""

import math
import os
import socket
import subprocess
import sys
import threading
import time

import pytest
import torch
from frames import HOSTILE, frame
from hypothesis import given, settings
from hypothesis import strategies as st

from cvaekit.sandbox import BadReply, Opaque, wire
from cvaekit.sandbox.channel import Channel, Closed, Expired
from cvaekit.sandbox.deadline import Deadline

NOBODY = 0  # no process; a Deadline that cannot look counts wall time
KEYS = st.text(max_size=5).filter(lambda key: key != "$")
TREES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


def crossed(value):
    frame = b"".join(bytes(memoryview(part).cast("B")) for part in wire.pack({}, value))
    header, _ = wire.parse_prefix(frame[:16])
    return wire.unpack(wire.parse_header(frame[16 : 16 + header]), frame[16 + header :])


@settings(deadline=None, derandomize=True, database=None)
@given(TREES)
def test_values_cross(value):
    assert crossed(value) == value


@pytest.mark.parametrize("dtype", wire.ITEM_SIZES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 5), (2, 3, 5)])
def test_tensors_cross(dtype, shape):
    tensor = (torch.rand(shape) * 3).to(getattr(torch, dtype))
    got = crossed({"t": [tensor]})["t"][0]
    assert got.dtype == tensor.dtype
    assert torch.equal(got, tensor)


def test_views_and_gradients_cross_as_values():
    tensor = torch.arange(12.0, requires_grad=True).reshape(3, 4).t()[1:]
    got = crossed((tensor, tensor.detach().expand(2, 3, 3)))
    assert torch.equal(got[0], tensor)
    assert not got[0].requires_grad
    assert torch.equal(got[1][1], tensor)
    got[0].add_(1)  # received tensors can be written


def test_floats_that_are_not_finite_cross():
    got = crossed([math.nan, math.inf, -math.inf, torch.tensor([math.nan])])
    assert math.isnan(got[0])
    assert got[1:3] == [math.inf, -math.inf]


@pytest.mark.parametrize(
    ("value", "description"),
    [(print, "a builtin_function_or_method"), ({1, 2}, "a set of 2"), ({1: 2}, "a dict of 1"), (10**400, "an int"),
     (1j, "a complex"), (b"x", "a bytes"), (torch.zeros(2, dtype=torch.complex64), "a tensor of shape (2,)"),
     (torch.eye(2).to_sparse(), "a tensor of shape (2, 2)"), (torch.zeros(3, device="meta"), "a tensor of shape (3,)")],
)  # fmt: skip
def test_other_values_cross_as_descriptions(value, description):
    assert crossed([value]) == [Opaque(description)]
    with pytest.raises(TypeError, match="cannot be sent"):
        wire.pack({}, [value], strict=True)


def test_a_value_that_holds_itself_ends():
    loop: list[object] = []
    loop.append(loop)
    crossed(loop)


@pytest.fixture
def channel():
    mine, theirs = socket.socketpair()
    output, writing = os.pipe()
    channel = Channel(mine, output)
    yield channel, theirs, writing
    channel.close()
    theirs.close()
    os.close(writing)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_frames(channel, name):
    channel, theirs, _ = channel
    sender = threading.Thread(target=theirs.sendall, args=(HOSTILE[name],))
    sender.start()
    started = time.monotonic()
    with pytest.raises(wire.Violation):
        wire.unpack(*channel.receive(Deadline(NOBODY, 5)))
    assert time.monotonic() - started < 5
    channel.close()
    sender.join()


def test_one_byte_at_a_time_meets_the_deadline(channel):
    channel, theirs, _ = channel
    over = threading.Event()

    def drip():
        for byte in HOSTILE["NaN"] * 9:
            if not over.wait(0.05):
                theirs.send(bytes([byte]))

    sender = threading.Thread(target=drip)
    sender.start()
    started = time.monotonic()
    with pytest.raises(Expired):
        channel.receive(Deadline(NOBODY, 0.5))
    assert time.monotonic() - started < 2
    over.set()
    sender.join()


def test_an_end_in_the_middle_of_a_frame(channel):
    channel, theirs, _ = channel
    theirs.sendall(HOSTILE["NaN"][:20])
    theirs.close()
    with pytest.raises(Closed):
        channel.receive(Deadline(NOBODY, 5))


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read from /proc")
def test_hostile_frames_need_no_torch_and_no_memory():
    """Measure the peak memory of a process that receives every hostile frame."""
    script = f"""
import os, socket, sys, threading
sys.path.insert(0, {os.path.dirname(__file__)!r})
from frames import HOSTILE
from cvaekit.sandbox import wire
from cvaekit.sandbox.channel import Channel
from cvaekit.sandbox.deadline import Deadline
for name, frame in HOSTILE.items():
    if name == "a boolean reference":
        continue  # refused only once its tensor has been made
    mine, theirs = socket.socketpair()
    channel = Channel(mine, os.pipe()[0])
    sender = threading.Thread(target=theirs.sendall, args=(frame,))
    sender.start()
    try:
        wire.unpack(*channel.receive(Deadline({NOBODY}, 5)))
    except wire.Violation:
        channel.close()
        sender.join()
    else:
        sys.exit("accepted")
assert "torch" not in sys.modules
print(next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-500:]
    assert int(done.stdout) < 60_000, "kB at most; Python alone needs about 15,000"


WRITE_RAW = """
import gc, os, socket
def frames():
    return next(o for o in gc.get_objects() if isinstance(o, socket.socket) and o.fileno() >= 0 and is_socket(o))
def is_socket(o):
    try:
        return bool(os.fstat(o.fileno()))
    except OSError:
        return False
def send(times):
    for _ in range(times):
        frames().sendall(bytes.fromhex(FRAME))
    return "sent"
def harmless():
    return 1
"""


@pytest.mark.parametrize("name", ["bad magic", "a body of 2^63", "deep JSON", "NaN", "not an object", "no tensors"])
def test_hostile_submissions(locked, name):
    source = WRITE_RAW + f"FRAME = {HOSTILE[name].hex()!r}\n"
    with locked.worker(source.encode(), "cvae.py") as worker:
        for _ in range(2):
            with pytest.raises(BadReply):
                worker.ask("call", name="send", times=1)
        assert worker.pid is None


def test_a_forged_reply_does_not_answer_the_next_request(locked):
    forged = frame({"id": "0" * 16, "outcome": "value", "tree": "passed", "tensors": []})
    source = WRITE_RAW + f"FRAME = {forged.hex()!r}\n"
    with locked.worker(source.encode(), "cvae.py") as worker, pytest.raises(BadReply, match="another request"):
        worker.ask("call", name="send", times=3)


def test_a_reply_that_is_too_large(locked):
    source = b"import torch\ndef large(): return torch.zeros(40 << 20)\n"
    with locked.worker(source, "cvae.py") as worker, pytest.raises(BadReply, match="the limit is"):
        worker.ask("call", name="large")
