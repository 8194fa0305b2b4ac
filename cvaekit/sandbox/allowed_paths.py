"""List the paths that a locked worker may read: interpreter, installed packages and system libraries, never the kit.

Package folders are listed entry by entry, because a kit or another copy of the engine may lie in one of them.
"""

import os
import sys
import sysconfig
from collections.abc import Iterable, Iterator
from pathlib import Path

PACKAGE_FOLDERS = ("site-packages", "dist-packages")
_ENGINE = ("cvaekit", "__editable__")
_SYSTEM_LIBRARIES = ("/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib")
_SYSTEM_FILES = (
    "/etc/ld.so.cache",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/usr/share/locale",
    "/proc/cpuinfo",
    "/proc/meminfo",
    "/proc/sys/vm/overcommit_memory",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/dev/null",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
)
_GPU_READ = ("/sys", "/proc/driver/nvidia", "/proc/devices", "/proc/modules", "/proc/self", "/usr/share/nvidia")
_GPU_DEVICES = ("nvidia*", "nvidia-caps/*", "dri/*")


def read_paths(hidden: Iterable[str], private: Path, *, gpu: bool = False) -> list[Path]:
    """Return the paths to open for reading. None of them is in a `hidden` folder, or has one below it.

    private: the zygote's own folder, which is readable; gpu: add what the GPU's driver reads.
    """
    hidden_folders = [Path(os.path.realpath(folder)) for folder in hidden]
    paths = [private, *map(Path, _SYSTEM_FILES), *(map(Path, _GPU_READ) if gpu else ())]
    standard = {sysconfig.get_path(name) for name in ("stdlib", "platstdlib")} | {_dynload()}
    for folder in sorted(standard | {path for path in sys.path if Path(path).name in PACKAGE_FOLDERS}):
        paths += _entries(Path(folder), (*_ENGINE, *PACKAGE_FOLDERS))
    for library in (*_SYSTEM_LIBRARIES, str(Path(sys.base_prefix) / "lib")):
        paths += _entries(Path(library), ("python",))  # a Python's own folder may hold site-packages
    return [path for path in dict.fromkeys(paths) if not _exposes(path, hidden_folders)]


def write_paths(*, gpu: bool = False) -> list[Path]:
    """Return the device files that may be written. No folder may be written."""
    devices = [Path("/dev/null")]
    if gpu:
        devices += [path for pattern in _GPU_DEVICES for path in Path("/dev").glob(pattern) if not path.is_dir()]
    return devices


def _dynload() -> str:
    return str(Path(sysconfig.get_path("platstdlib")) / "lib-dynload")


def _entries(folder: Path, excluded: tuple[str, ...]) -> Iterator[Path]:
    """Yield the entries of `folder` whose names do not start with one of `excluded`."""
    if folder.is_dir():
        with os.scandir(folder) as entries:
            yield from (Path(entry.path) for entry in entries if not entry.name.startswith(excluded))


def _exposes(path: Path, hidden_folders: list[Path]) -> bool:
    """Whether a rule for `path`, which may be a link, would also open a hidden folder or a part of one."""
    real = Path(os.path.realpath(path))
    return any(hidden.is_relative_to(real) or real.is_relative_to(hidden) for hidden in hidden_folders)
