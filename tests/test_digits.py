"""The shipped digits are real, balanced and readable; digits from elsewhere are used only if they are MNIST's."""

import gzip
import hashlib
import shutil
import subprocess
import sys

import pytest
import torch

from graders.cvae import images as digits
from graders.cvae.images import SHIPPED, DataError, load, read


@pytest.fixture(autouse=True)
def elsewhere(tmp_path, monkeypatch):
    """A working directory without ./data, and no environment variable."""
    monkeypatch.delenv("CVAEKIT_DATA", raising=False)
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)


@pytest.fixture
def copied(tmp_path):
    """A copy of the shipped digits that a test may damage."""
    shutil.copytree(SHIPPED / "MNIST", tmp_path / "copy" / "MNIST")
    return tmp_path / "copy"


def test_without_anything_the_kits_own_digits_are_loaded():
    loaded = load()
    assert (loaded.source, loaded.root, loaded.notice) == ("subset", SHIPPED, None)
    assert (loaded.train_images.shape, loaded.train_images.dtype) == ((6000, 784), torch.uint8)
    assert (loaded.test_images.shape, loaded.test_images.dtype) == ((1000, 784), torch.uint8)
    assert loaded.train_labels.dtype == loaded.test_labels.dtype == torch.int64
    assert loaded.train_labels.bincount().tolist() == [600] * 10
    assert loaded.test_labels.bincount().tolist() == [100] * 10


def test_digits_are_shuffled_and_all_different():
    loaded = load()
    assert set(loaded.train_labels[:128].tolist()) == set(range(10))
    images = torch.cat([loaded.train_images, loaded.test_images]).numpy()
    assert len({row.tobytes() for row in images}) == 7000


def test_torchvision_reads_the_same_digits():
    from torchvision.datasets import MNIST

    for train in (True, False):
        found = MNIST(SHIPPED, train=train, download=False)
        loaded = load()
        images = loaded.train_images if train else loaded.test_images
        labels = loaded.train_labels if train else loaded.test_labels
        assert torch.equal(found.data.flatten(1), images)
        assert torch.equal(found.targets, labels)


def test_checksums_agree_with_the_files():
    listed = dict(line.split()[::-1] for line in (SHIPPED / "SHA256SUMS").read_text().splitlines())
    assert listed == {
        f"{set_name}/raw/{name}": checksum
        for set_name in ("MNIST", "FashionMNIST")
        for name, checksum in digits.checksums(set_name)["subset"].items()
    }
    for name, checksum in listed.items():
        assert hashlib.sha256((SHIPPED / name).read_bytes()).hexdigest() == checksum


def test_an_explicit_folder_comes_before_the_environment_and_before_data(copied, tmp_path, monkeypatch):
    shutil.copytree(copied, "data")
    assert load().root.name == "data"
    shutil.copytree(copied, tmp_path / "named")
    monkeypatch.setenv("CVAEKIT_DATA", str(tmp_path / "named"))
    assert load().root == tmp_path / "named"
    assert load(copied).root == copied


def test_gzipped_files_are_read(copied):
    for path in (copied / "MNIST" / "raw").iterdir():
        path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes(), 1))
        path.unlink()
    assert torch.equal(load(copied).train_images, load().train_images)


@pytest.mark.parametrize("origin", ["--data", "CVAEKIT_DATA"])
def test_a_folder_asked_for_that_holds_no_digits_is_an_error(origin, tmp_path, monkeypatch):
    monkeypatch.setenv("CVAEKIT_DATA", str(tmp_path))
    with pytest.raises(DataError) as error:
        load(tmp_path if origin == "--data" else None)
    assert str(error.value).startswith(f"{origin} {tmp_path}: there is no MNIST/raw/train-images-idx3-ubyte")
    assert f"Leave {origin} out" in str(error.value)


def truncate(path):
    path.write_bytes(path.read_bytes()[:-1])


def flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def replace_header(path):
    path.write_bytes(b"\x89PNG" + path.read_bytes()[4:])


def empty(path):
    path.write_bytes(b"")


def remove(path):
    path.unlink()


def truncate_gzip(path):
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes())[:-20])
    path.unlink()


def no_gzip(path):
    path.rename(path.with_name(f"{path.name}.gz"))


@pytest.mark.parametrize("name", digits.FULL)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (truncate, "is damaged"),
        (flip, "is not of MNIST"),
        (replace_header, "does not begin like an IDX file"),
        (empty, "does not begin like an IDX file"),
        (remove, "there is no"),
        (truncate_gzip, "cannot be read"),
        (no_gzip, "cannot be read"),
    ],
)
def test_damaged_files_are_an_error_when_asked_for_and_passed_over_in_data(copied, name, damage, message):
    damage(copied / "MNIST" / "raw" / name)
    with pytest.raises(DataError, match=message) as error:
        load(copied)
    assert name in str(error.value)
    assert "\n" not in str(error.value)
    shutil.move(copied, "data")
    loaded = load()
    assert loaded.root == SHIPPED
    assert loaded.notice is not None
    assert loaded.notice.startswith("./data is not used")
    assert name in loaded.notice


def test_a_file_that_unpacks_to_more_than_mnist_has_is_refused(copied):
    path = copied / "MNIST" / "raw" / digits.TEST_LABELS
    path.unlink()
    with gzip.open(f"{path}.gz", "wb", 1) as packed:
        for _ in range(60):
            packed.write(bytes(1_000_000))
    with pytest.raises(DataError, match="larger than any file of MNIST"):
        read(copied)


def full_set(folder):
    """A stand-in for the full set: files whose checksums `digits.FULL` is made to expect."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    sums = {}
    for name in digits.FULL:
        content = (SHIPPED / "MNIST" / "raw" / name).read_bytes()
        content = content[:-1] + bytes([content[-1] ^ 1])
        (raw / name).write_bytes(content)
        sums[name] = hashlib.sha256(content).hexdigest()
    return sums


def test_the_full_set_is_known_by_its_checksums(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "FULL", full_set(tmp_path / "full"))
    assert load(tmp_path / "full").source == "full"


def test_a_mixture_of_the_two_sets_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(digits, "FULL", full_set(tmp_path / "full"))
    name = digits.TEST_LABELS
    shutil.copy(SHIPPED / "MNIST" / "raw" / name, tmp_path / "full" / "MNIST" / "raw" / name)
    with pytest.raises(DataError, match="partly of the full MNIST set"):
        load(tmp_path / "full")


def make_subset(*arguments):
    command = [sys.executable, "-m", "graders.cvae.make_subset", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_script_refuses_to_draw_from_anything_but_the_full_set(tmp_path):
    done = make_subset("--full", SHIPPED, "--out", tmp_path / "out")
    assert (done.returncode, done.stderr) == (
        2,
        f"{SHIPPED}: train-images-idx3-ubyte is not the full MNIST set's\n",
    )
    assert not (tmp_path / "out").exists()
