"""Read images in IDX files: full MNIST where it is found, otherwise the class-balanced subset of the kit.

Files are used only when they are, byte for byte, one of these two sets: `./data` may be a student's.
"""

import gzip
import hashlib
import os
import struct
import zlib
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from cvaekit.grading.data import DataError as DataError

Source = Literal["full", "subset"]

SHIPPED = Path(__file__).parents[2] / "assignments" / "data"
VARIABLE = "CVAEKIT_DATA"
LARGEST = 50_000_000  # bytes; the largest file of the full set has 47,040,016

TRAIN_IMAGES, TRAIN_LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"

# SHA-256 of the uncompressed files
FULL = {
    TRAIN_IMAGES: "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
    TRAIN_LABELS: "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
    TEST_IMAGES: "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
    TEST_LABELS: "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
}
SUBSET = {
    TRAIN_IMAGES: "bff8e50afdc92492c522f79be156f9071ddf718e46fe340d0eecf76d211eff71",
    TRAIN_LABELS: "ca34b4519b9774b15cc17cdb998ef51fbbc470f3119b32183acadbe2a0eb3c15",
    TEST_IMAGES: "c63d61bb7e407d3bc8abbb8d01dbf70604a5128eb0cd075bd3eac250b2400d5c",
    TEST_LABELS: "978da4f9634353b6aae73f9d6f98915be32d1459ded5af8b87be1a77916e03db",
}
# Fashion-MNIST comes in the same files
FASHION_FULL = {
    TRAIN_IMAGES: "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
    TRAIN_LABELS: "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
    TEST_IMAGES: "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
    TEST_LABELS: "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
}
FASHION_SUBSET = {
    TRAIN_IMAGES: "c58430a60014cd547eef51878fbd00616d3fb84d16f9129335c176d716b63f62",
    TRAIN_LABELS: "bb966f3c5af7c5f28914340e97eb0984d925873801df3535fe6559bf1b9414a4",
    TEST_IMAGES: "a370fd61dab78cc6456dfef16b55ab54ec9b66f1936e35ea86b4bd7a0a6d6696",
    TEST_LABELS: "7aaef78a789677cf06344c46f253d8edd3ca9e8d4661e13f2191ec66eaea82f7",
}


@dataclass(frozen=True)
class Digits:
    """One set of digits.

    images: (n, 784) uint8, 0 is background and 255 is ink; labels: (n,) int64 in 0..9. `root` is the folder that holds
    MNIST/raw; `notice` says which folder was passed over, and why.
    """

    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor
    source: Source
    root: Path
    notice: str | None = None

    def __str__(self) -> str:
        return f"{self.source}: {len(self.train_images):,} to train, {len(self.test_images):,} held out"


def load(root: Path | None = None) -> Digits:
    """The digits in `root`, or in the folder that CVAEKIT_DATA names, or in ./data, or else the kit's subset.

    A folder that is asked for by name must hold one of the two sets: DataError if it does not. Anything else in ./data
    is passed over, with a notice.
    """
    if root is not None:
        return _asked_for(root, "--data")
    if named := os.environ.get(VARIABLE):
        return _asked_for(Path(named), VARIABLE)
    here, notice = Path("data"), None
    if (here / "MNIST" / "raw").is_dir():
        try:
            return read(here)
        except DataError as error:
            notice = f"./data is not used, the kit's own digits are: {error}"
    return replace(read(SHIPPED), notice=notice)


@cache
def shipped(set_name: str = "MNIST") -> Digits:
    """The kit's own subset of a set; not to be written into."""
    return read(SHIPPED, set_name)


def _asked_for(root: Path, origin: str) -> Digits:
    try:
        return read(root)
    except DataError as error:
        raise DataError(f"{origin} {root}: {error}. Leave {origin} out to use the kit's own digits.") from error


def checksums(set_name: str) -> dict[Source, dict[str, str]]:
    """File name -> SHA-256, of the full set called `set_name` and of the kit's subset of it."""
    if set_name == "FashionMNIST":
        return {"full": FASHION_FULL, "subset": FASHION_SUBSET}
    return {"full": FULL, "subset": SUBSET}


def read(root: Path, set_name: str = "MNIST") -> Digits:
    """The images in `root`/`set_name`/raw, plain or gzipped; DataError unless they are a full set or a subset of the
    kit's."""
    tensors, sources = {}, set()
    for name in FULL:
        content = read_bytes(root, name, set_name)
        tensors[name] = _parsed(content, name)
        sources.add(_source(content, name, set_name))
    if len(sources) > 1:
        raise DataError(f"its files are partly of the full {set_name} set and partly of the kit's subset")
    return Digits(
        train_images=tensors[TRAIN_IMAGES].flatten(1),
        train_labels=tensors[TRAIN_LABELS].long(),
        test_images=tensors[TEST_IMAGES].flatten(1),
        test_labels=tensors[TEST_LABELS].long(),
        source=sources.pop(),
        root=root,
    )


def read_bytes(root: Path, name: str, set_name: str = "MNIST") -> bytes:
    """Uncompressed content of `root`/`set_name`/raw/`name`, from that file or the same with .gz; raises DataError."""
    plain = root / set_name / "raw" / name
    packed = plain.with_name(f"{name}.gz")
    try:
        if plain.is_file():
            with plain.open("rb") as file:
                content = file.read(LARGEST + 1)
        elif packed.is_file():
            with gzip.open(packed) as unpacked:
                content = unpacked.read(LARGEST + 1)
        else:
            raise DataError(f"there is no {set_name}/raw/{name} (or {name}.gz)")
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{name} cannot be read ({error})") from error
    if len(content) > LARGEST:
        raise DataError(f"{name} is larger than any file of MNIST")
    return content


def _parsed(content: bytes, name: str) -> Tensor:
    """An IDX file's tensor, uint8: two zero bytes, type 8, the number of axes, their big-endian lengths, the values."""
    axes = 3 if "idx3" in name else 1
    if len(content) < 4 + 4 * axes or content[:4] != bytes([0, 0, 8, axes]):
        raise DataError(f"{name} is damaged: it does not begin like an IDX file")
    start = 4 + 4 * axes
    shape = struct.unpack(f">{axes}I", content[4:start])
    count = 1
    for length in shape:
        count *= length
    if len(content) - start != count or not count:
        raise DataError(f"{name} is damaged: {len(content) - start:,} values, and {count:,} announced")
    return torch.frombuffer(bytearray(content), dtype=torch.uint8, offset=start).reshape(shape)


def _source(content: bytes, name: str, set_name: str) -> Source:
    checksum = hashlib.sha256(content).hexdigest()
    for source, known in checksums(set_name).items():
        if checksum == known[name]:
            return source
    raise DataError(f"{name} is not of {set_name}: another checksum")
