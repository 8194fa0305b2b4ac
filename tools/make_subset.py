"""Draw the kit's class-balanced subset of real digits from the full MNIST set; the same digits every time.

    python tools/make_subset.py --full FOLDER --out assignments/data [--check]

FOLDER holds MNIST/raw with the four files of the full set, plain or gzipped. The subset has 600 training and 100 test
digits of each class.
"""

import argparse
import hashlib
import struct
import sys
from collections import Counter
from pathlib import Path

from graders.digits import FULL, TEST_IMAGES, TEST_LABELS, TRAIN_IMAGES, TRAIN_LABELS, DataError, read_bytes

SEED = "cvaekit digits 1"
PER_CLASS = {"train": 600, "test": 100}
PARTS = {"train": (TRAIN_IMAGES, TRAIN_LABELS), "test": (TEST_IMAGES, TEST_LABELS)}
IMAGE_HEADER, LABEL_HEADER, PIXELS = 16, 8, 28 * 28  # bytes


def chosen(part: str, labels: bytes) -> list[int]:
    """Positions of the digits to keep, shuffled, equally many of each class.

    All positions are ordered by the SHA-256 of seed, part and position, and the first ones of each class are kept: a
    shuffle that no library's random numbers can change.
    """

    def rank(position: int) -> bytes:
        return hashlib.sha256(f"{SEED}/{part}/{position}".encode()).digest()

    kept, count = [], Counter[int]()
    for position in sorted(range(len(labels)), key=rank):
        if count[labels[position]] < PER_CLASS[part]:
            count[labels[position]] += 1
            kept.append(position)
    return kept


def subset(full: Path) -> dict[str, bytes]:
    """The subset's four IDX files by name; DataError unless `full` holds the full MNIST set."""
    files = {}
    for part, (images_name, labels_name) in PARTS.items():
        images, labels = _original(full, images_name), _original(full, labels_name)
        digits = labels[LABEL_HEADER:]
        kept = chosen(part, digits)
        rows = (images[IMAGE_HEADER + PIXELS * i : IMAGE_HEADER + PIXELS * (i + 1)] for i in kept)
        files[images_name] = struct.pack(">2x2B3I", 8, 3, len(kept), 28, 28) + b"".join(rows)
        files[labels_name] = struct.pack(">2x2BI", 8, 1, len(kept)) + bytes(digits[i] for i in kept)
    return files


def _original(full: Path, name: str) -> bytes:
    content = read_bytes(full, name)
    if hashlib.sha256(content).hexdigest() != FULL[name]:
        raise DataError(f"{name} is not the full MNIST set's")
    return content


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--full", type=Path, required=True, help="folder with MNIST/raw of the full set")
    parser.add_argument("--out", type=Path, required=True, help="folder to write MNIST/raw and SHA256SUMS to")
    parser.add_argument("--check", action="store_true", help="only compare; exit code 1 if something differs")
    arguments = parser.parse_args()
    try:
        made = subset(arguments.full)
    except DataError as error:
        print(f"{arguments.full}: {error}", file=sys.stderr)
        return 2
    files = {f"MNIST/raw/{name}": content for name, content in made.items()}
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
