"""Read MNIST and Fashion-MNIST from the files in which they are published: IDX, plain or gzipped."""

import gzip
import os
import struct
import zlib
from pathlib import Path

import torch
from torch import Tensor


class ImagesError(OSError):
    """A data set that is not there, or a damaged file; the text says which."""


def read_set(folder: Path, part: str, name: str = "MNIST") -> tuple[Tensor, Tensor]:
    """Images (n, 28, 28) uint8 and labels (n,) int64 of `train` or `t10k`, from the first place that has them.

    The places: the folder that CVAEKIT_DATA names, `data` in `folder`, `data` beside `folder`. Raises ImagesError.
    """
    places = [Path(named)] if (named := os.environ.get("CVAEKIT_DATA")) else []
    for place in [*places, folder / "data", folder.parent / "data"]:
        raw = place / name / "raw"
        if find(raw, f"{part}-images-idx3-ubyte"):  # an empty folder may be left over from a download
            return read_idx(raw, f"{part}-images-idx3-ubyte"), read_idx(raw, f"{part}-labels-idx1-ubyte").long()
    raise ImagesError(
        f"No {name} found: put {name}/raw into a folder data beside this file, or name its place in CVAEKIT_DATA."
    )


def find(raw: Path, name: str) -> Path | None:
    """The file of this name, plain or gzipped; None where there is none."""
    return next((path for path in (raw / name, raw / f"{name}.gz") if path.is_file()), None)


def read_idx(raw: Path, name: str) -> Tensor:
    """Values of an IDX file: two zero bytes, 8, the number of axes, their lengths, the values.

    Raises ImagesError for a damaged file, and OSError for one that cannot be read.
    """
    path, axes = find(raw, name) or raw / name, 3 if "idx3" in name else 1
    start = 4 + 4 * axes
    try:
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (EOFError, zlib.error, gzip.BadGzipFile):
        raise ImagesError(f"{path.name} is damaged or was not downloaded to its end ({path}).") from None
    if len(content) < start or content[:4] != bytes([0, 0, 8, axes]):
        raise ImagesError(f"{path.name} is no IDX file ({path}).")
    shape = struct.unpack(f">{axes}I", content[4:start])
    values = torch.frombuffer(bytearray(content), dtype=torch.uint8)[start:]
    if values.numel() != torch.Size(shape).numel() or not values.numel():
        raise ImagesError(f"{path.name} ends early: it is damaged, or was not downloaded to its end ({path}).")
    return values.reshape(shape)
