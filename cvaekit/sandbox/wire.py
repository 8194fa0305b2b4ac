"""Encode and decode the frames between grader and worker: a 16-byte prefix, a JSON header, raw bytes of tensors.

Nothing is pickled, in either direction. A worker's frame comes from untrusted code: every size is checked against a
limit before memory is allocated, and a frame that breaks a rule is a Violation. A header's `tree` is plain JSON, in
which an object with the key "$" stands for a tensor, a float that is not finite, or the description of another value.
"""

import json
import math
import struct
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from cvaekit.sandbox.probe import describe
from cvaekit.text import clean, without_addresses

if TYPE_CHECKING:
    from torch import Tensor

PREFIX = struct.Struct("<4sIQ")  # magic, length of the header, length of the body
MAGIC = b"cvk1"
MAX_HEADER = 1 << 20
MAX_BODY = 64 << 20
MAX_DIMENSIONS = 8
MAX_TENSORS = 4096
MAX_DEPTH = 48

ITEM_SIZES = {"float16": 2, "bfloat16": 2, "float32": 4, "float64": 8, "bool": 1, "uint8": 1}
ITEM_SIZES |= {"int8": 1, "int16": 2, "int32": 4, "int64": 8}

Body = bytes | bytearray | memoryview


class Violation(ValueError):
    """A frame that breaks the protocol."""


@dataclass(frozen=True)
class Opaque:
    """Stands for a value that cannot be sent, with its description ("a function", "a set of 3")."""

    description: str


def pack(header: dict[str, Any], value: Any = None, *, strict: bool = False) -> list[Body]:
    """Return the buffers of one frame. `value` may hold dict, list, tuple, str, int, float, bool, None and tensors.

    Any other value is sent as its description; with `strict` it raises TypeError.
    """
    tensors: list[Tensor] = []
    tree = _encode(value, tensors, strict, 0)
    specs = [[_dtype(tensor), list(tensor.shape)] for tensor in tensors]
    return pack_raw(header | {"tree": tree, "tensors": specs}, [_raw(tensor) for tensor in tensors])


def pack_raw(header: dict[str, Any], body: list[Body]) -> list[Body]:
    """Return the buffers of one frame with a body of any bytes, as for the source of a submission."""
    text = json.dumps(header, allow_nan=False).encode("utf-8", "surrogatepass")
    size = sum(memoryview(part).nbytes for part in body)
    return [PREFIX.pack(MAGIC, len(text), size) + text, *body]


def check_caps(frame: list[Body]) -> None:
    """Raise ValueError for a frame that is larger than a worker accepts."""
    size = sum(memoryview(part).nbytes for part in frame)
    if len(frame[0]) > MAX_HEADER or size > MAX_BODY:
        raise ValueError(f"a request of {size:,} bytes is larger than a worker takes")


def parse_prefix(prefix: Body) -> tuple[int, int]:
    """Return the lengths of header and body in bytes. Raises Violation for a length above its limit."""
    magic, header, body = PREFIX.unpack(prefix)
    if magic != MAGIC:
        raise Violation("it does not start like a reply")
    if header > MAX_HEADER:
        raise Violation(f"its header has {header:,} bytes; the limit is {MAX_HEADER:,}")
    if body > MAX_BODY:
        raise Violation(f"it has {body:,} bytes; the limit is {MAX_BODY:,}")
    return header, body


def parse_header(text: Body) -> dict[str, Any]:
    """Decode the JSON header of a frame. Raises Violation."""
    try:
        header = json.loads(
            bytes(text).decode("utf-8"), parse_constant=_refuse, parse_float=_finite, parse_int=_bounded
        )
    except (ValueError, RecursionError):
        raise Violation("its header is not JSON of the agreed kind") from None
    if type(header) is not dict:
        raise Violation("its header is not an object")
    return header


def unpack(header: dict[str, Any], body: Body) -> Any:
    """Return the value of a frame. Raises Violation. Imports torch only when the frame holds a tensor."""
    sizes = _check_specs(header.get("tensors"), len(body))
    view, tensors, start = memoryview(body), [], 0
    for (dtype, shape), size in zip(header["tensors"], sizes, strict=True):
        tensors.append(_tensor(dtype, shape, view[start : start + size]))
        start += size
    return _decode(header.get("tree"), tensors, 0)


def _encode(value: Any, tensors: "list[Tensor]", strict: bool, depth: int) -> Any:
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int) and -(2**63) <= value < 2**63:
        return int(value)
    if isinstance(value, float):
        number = float(value)
        return number if math.isfinite(number) else {"$": "float", "value": repr(number)}
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor) and _can_be_sent(value):
        tensors.append(value)
        return {"$": "tensor", "value": len(tensors) - 1}
    if depth < MAX_DEPTH:
        if isinstance(value, (list, tuple)):
            return [_encode(item, tensors, strict, depth + 1) for item in value]
        if isinstance(value, dict) and "$" not in value and all(isinstance(key, str) for key in value):
            return {key: _encode(item, tensors, strict, depth + 1) for key, item in value.items()}
    if strict:
        raise TypeError(f"{describe(value)} cannot be sent to a worker")
    return {"$": "opaque", "value": describe(value)[:200]}


def _decode(tree: Any, tensors: "list[Tensor]", depth: int) -> Any:
    if depth > 2 * MAX_DEPTH:
        raise Violation("its values are nested too deeply")
    if type(tree) is list:
        return [_decode(item, tensors, depth + 1) for item in tree]
    if type(tree) is not dict:
        return tree
    if "$" not in tree:
        return {key: _decode(item, tensors, depth + 1) for key, item in tree.items()}
    kind, value = tree["$"], tree.get("value")
    if kind == "tensor" and type(value) is int and 0 <= value < len(tensors):
        return tensors[value]
    if kind == "float" and value in ("nan", "inf", "-inf"):
        return float(value)
    if kind == "opaque" and type(value) is str:
        return Opaque(without_addresses(clean(value, 200)))
    raise Violation("it holds a value of no known kind")


def _check_specs(specs: Any, length: int) -> list[int]:
    """Return the sizes in bytes of a frame's tensors, which must add up to the size of its body. Raises Violation."""
    if type(specs) is not list or len(specs) > MAX_TENSORS:
        raise Violation("its list of tensors is not one")
    sizes = []
    for spec in specs:
        if type(spec) is not list or len(spec) != 2 or type(spec[0]) is not str or type(spec[1]) is not list:
            raise Violation("its list of tensors is not one")
        dtype, shape = spec
        if dtype not in ITEM_SIZES:
            raise Violation("it holds a tensor of a type that cannot be sent")
        if len(shape) > MAX_DIMENSIONS or not all(type(extent) is int and 0 <= extent <= MAX_BODY for extent in shape):
            raise Violation("it holds a tensor of an impossible shape")
        sizes.append(math.prod(shape) * ITEM_SIZES[dtype])
    if sum(sizes) != length:
        raise Violation("its tensors do not fill its body")
    return sizes


def _dtype(tensor: "Tensor") -> str:
    return str(tensor.dtype).removeprefix("torch.")


def _can_be_sent(tensor: "Tensor") -> bool:
    import torch

    return (
        _dtype(tensor) in ITEM_SIZES
        and tensor.layout == torch.strided
        and tensor.device.type != "meta"
        and tensor.dim() <= MAX_DIMENSIONS
    )


def _raw(tensor: "Tensor") -> memoryview:
    import torch

    plain = tensor.detach().as_subclass(torch.Tensor).cpu().resolve_neg().contiguous().reshape(-1)
    return memoryview(plain.view(torch.uint8).numpy().data)


def _tensor(dtype: str, shape: list[int], raw: memoryview) -> "Tensor":
    import torch

    if dtype == "bool":  # a byte of a bool that is neither 0 nor 1 is undefined behaviour in torch
        return _tensor("uint8", shape, raw) != 0
    if not raw.nbytes:
        return torch.empty(shape, dtype=getattr(torch, dtype))
    return torch.frombuffer(bytearray(raw), dtype=getattr(torch, dtype)).reshape(shape)


def _refuse(constant: str) -> Any:
    raise ValueError(constant)


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("not finite")
    return value


def _bounded(text: str) -> int:
    if len(text) > 20:
        raise ValueError("a longer integer than any that is sent")
    return int(text)
