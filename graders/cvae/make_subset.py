"""Draw the kit's class-balanced subsets of real images from full MNIST and Fashion-MNIST; the same images every time.

    python -m graders.cvae.make_subset --full FOLDER --out assignments/data [--check]

FOLDER holds MNIST/raw and FashionMNIST/raw with the four files of each full set, plain or gzipped.
"""

import argparse
import hashlib
import struct
import sys
from collections import Counter
from pathlib import Path

from graders.cvae.images import TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, DataError, checksums, read_bytes

SEED = "cvaekit digits 1"
PER_CLASS = {"MNIST": {"train": 600, "test": 100}, "FashionMNIST": {"train": 200, "test": 50}}
PARTS = {"train": (TRAIN_IMAGES, TRAIN_LABELS), "test": (TEST_IMAGES, TEST_LABELS)}
IMAGE_HEADER, LABEL_HEADER, PIXELS = 16, 8, 28 * 28  # bytes


def chosen(part: str, labels: bytes, per_class: int) -> list[int]:
    """Positions of the images to keep, shuffled, equally many of each class.

    All positions are ordered by the SHA-256 of seed, part and position, and the first ones of each class are kept: a
    shuffle that no library's random numbers can change.
    """

    def rank(position: int) -> bytes:
        return hashlib.sha256(f"{SEED}/{part}/{position}".encode()).digest()

    kept, count = [], Counter[int]()
    for position in sorted(range(len(labels)), key=rank):
        if count[labels[position]] < per_class:
            count[labels[position]] += 1
            kept.append(position)
    return kept


def subset(full: Path, name: str) -> dict[str, bytes]:
    """The four IDX files of a set's subset, by path; DataError unless `full` holds the full set."""
    files = {}
    for part, (images_name, labels_name) in PARTS.items():
        images, labels = _original(full, name, images_name), _original(full, name, labels_name)
        classes = labels[LABEL_HEADER:]
        kept = chosen(part, classes, PER_CLASS[name][part])
        rows = (images[IMAGE_HEADER + PIXELS * i : IMAGE_HEADER + PIXELS * (i + 1)] for i in kept)
        folder = f"{name}/raw"
        files[f"{folder}/{images_name}"] = struct.pack(">2x2B3I", 8, 3, len(kept), 28, 28) + b"".join(rows)
        files[f"{folder}/{labels_name}"] = struct.pack(">2x2BI", 8, 1, len(kept)) + bytes(classes[i] for i in kept)
    return files


def _original(full: Path, set_name: str, name: str) -> bytes:
    content = read_bytes(full, name, set_name)
    if hashlib.sha256(content).hexdigest() != checksums(set_name)["full"][name]:
        raise DataError(f"{name} is not the full {set_name} set's")
    return content


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--full", type=Path, required=True, help="folder with the full sets")
    parser.add_argument("--out", type=Path, required=True, help="folder to write the subsets and SHA256SUMS to")
    parser.add_argument("--check", action="store_true", help="only compare; exit code 1 if something differs")
    arguments = parser.parse_args()
    try:
        files = {path: content for name in PER_CLASS for path, content in subset(arguments.full, name).items()}
    except DataError as error:
        print(f"{arguments.full}: {error}", file=sys.stderr)
        return 2
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in files.items())
    files["SHA256SUMS"] = sums.encode()
    different = []
    for name, content in files.items():
        path = arguments.out / name
        if not arguments.check:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        elif not path.is_file() or path.read_bytes() != content:
            different.append(name)
    print("\n".join(f"{name} differs" for name in different) or f"{len(files)} files as drawn from {arguments.full}")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
