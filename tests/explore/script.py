"""The script of Exercise 1 as a module, and a folder of data small enough to train on in a moment."""

import struct
import sys

from shipped import ROOT
from visible import imported

PATH = ROOT / "assignments" / "explore_cvae" / "conditional_vae.py"
DATA = ROOT / "assignments" / "data"
sys.path.insert(0, str(PATH.parent))  # where the script finds images.py, as in `python conditional_vae.py`


def load():
    return imported(PATH)


def small(folder, name="MNIST", count=256):
    """The first `count` images of each part of the kit's subset, as a data set in `folder`."""
    raw = folder / name / "raw"
    raw.mkdir(parents=True)
    for part in ("train", "t10k"):
        for kind, axes, size in (("images-idx3", (28, 28), 784), ("labels-idx1", (), 1)):
            content = (DATA / name / "raw" / f"{part}-{kind}-ubyte").read_bytes()
            start = 4 + 4 * (1 + len(axes))
            header = content[:4] + struct.pack(f">{1 + len(axes)}I", count, *axes)
            (raw / f"{part}-{kind}-ubyte").write_bytes(header + content[start : start + size * count])
    return folder
