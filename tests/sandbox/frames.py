"""Frames that break the rules, made without torch."""

import json

from cvaekit.sandbox import wire


def frame(header, body=b"", magic=wire.MAGIC):
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return wire.PREFIX.pack(magic, len(text), len(body)) + text + body


def tensors(*specs, body=b"", tree=None):
    return frame({"tree": tree, "tensors": list(specs)}, body)


HOSTILE = {
    "bad magic": frame({}, magic=b"HTTP"),
    "a header of 4 GB": wire.PREFIX.pack(wire.MAGIC, 2**32 - 1, 0),
    "a body of 2^63": wire.PREFIX.pack(wire.MAGIC, 2, 2**63) + b"{}",
    "a body of 144 MB": wire.PREFIX.pack(wire.MAGIC, 2, 144 << 20) + b"{}",
    "deep JSON": frame(b"[" * 60_000),
    "deep values": frame(b'{"tensors": [], "tree": ' + b"[" * 500 + b"]" * 500 + b"}"),
    "a huge integer": frame(b'{"tree": ' + b"9" * 50_000 + b"}"),
    "NaN": frame(b'{"tree": NaN, "tensors": []}'),
    "an infinite float": frame(b'{"tree": 1e999, "tensors": []}'),
    "bad UTF-8": frame(b'{"tree": "\xff"}'),
    "not an object": frame([1]),
    "no tensors": frame({"tree": 1}),
    "a negative extent": tensors(["float32", [-1]]),
    "a boolean extent": tensors(["uint8", [True]], body=b"x"),
    "a huge extent": tensors(["float32", [2**62, 4]]),
    "many dimensions": tensors(["float32", [1] * 9], body=b"abcd"),
    "a size that does not match": tensors(["float32", [2]], body=b"abc"),
    "bytes left over": tensors(body=b"x"),
    "an unknown type": tensors(["object", [1]], body=b"x"),
    "a type that is no text": tensors([["float32"], [1]], body=b"abcd"),
    "a reference to no tensor": tensors(tree={"$": "tensor", "value": 0}),
    "a boolean reference": tensors(["uint8", [1]], body=b"x", tree={"$": "tensor", "value": False}),
    "an unknown kind": tensors(tree={"$": "pickle", "value": "x"}),
    "a float that is none": tensors(tree={"$": "float", "value": "1e5"}),
    "many tensors": tensors(*[["uint8", [0]]] * 5000),
}
