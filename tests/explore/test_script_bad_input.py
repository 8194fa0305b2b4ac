"""What a student is told when data, checkpoint or folder are not what they should be; nothing is left half-written."""

import gzip
import os
import resource
import shutil
import subprocess
import sys

import pytest
import script

vae = script.load()
IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return script.small(tmp_path_factory.mktemp("made"))


@pytest.fixture
def data(made, tmp_path):
    shutil.copytree(made, tmp_path / "data")
    return tmp_path / "data"


def told(capsys, *options, code=2):
    """The one line that a call which fails has for its user."""
    assert vae.main([*map(str, options), "--epochs", "1", "--hidden-dim", "16"]) == code
    [line] = capsys.readouterr().err.splitlines()
    return line.removeprefix("conditional_vae.py: ")


def shortened(path):
    path.write_bytes(path.read_bytes()[:-100])


def swapped_header(path):
    path.write_bytes(b"<html>" + path.read_bytes()[6:])


def packed_and_cut(path):
    path.with_name(f"{path.name}.gz").write_bytes(gzip.compress(path.read_bytes())[:-50])
    path.unlink()


def emptied(path):
    path.write_bytes(b"")


@pytest.mark.parametrize(
    ("damage", "name", "message"),
    [
        (shortened, IMAGES, "train-images-idx3-ubyte ends early"),
        (shortened, LABELS, "train-labels-idx1-ubyte ends early"),
        (swapped_header, IMAGES, "train-images-idx3-ubyte is no IDX file"),
        (emptied, IMAGES, "train-images-idx3-ubyte is no IDX file"),
        (packed_and_cut, IMAGES, "train-images-idx3-ubyte.gz is damaged or was not downloaded to its end"),
    ],
)
def test_damaged_data(damage, name, message, data, tmp_path, capsys):
    damage(data / "MNIST" / "raw" / name)
    line = told(capsys, "--data", data, "--out", tmp_path / "out")
    assert line.startswith(message)
    assert "Delete it and run this again to download it anew, or use --subset." in line
    assert not list((tmp_path / "out").iterdir())


def test_labels_that_do_not_belong_to_the_images(data, tmp_path, capsys):
    shutil.copy(script.DATA / "MNIST" / "raw" / LABELS, data / "MNIST" / "raw" / LABELS)
    assert "holds 6000 labels for 256 images" in told(capsys, "--data", data, "--out", tmp_path / "out")


def test_a_label_beyond_the_classes(data, tmp_path, capsys):
    path = data / "MNIST" / "raw" / LABELS
    path.write_bytes(path.read_bytes()[:-1] + b"\x0b")
    assert "holds a label 11" in told(capsys, "--data", data, "--out", tmp_path / "out")


def test_an_unknown_data_set(tmp_path, capsys):
    assert "choose one of: mnist, fashion" in told(capsys, "--dataset", "cifar", "--out", tmp_path)


def test_without_the_full_set_and_without_a_network_the_subset_is_used_and_said_so(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(vae, "download", lambda folder, name: "no network")
    monkeypatch.setattr(vae, "SUBSET", script.small(tmp_path / "subset"))
    arguments = ["--data", tmp_path / "nowhere", "--out", tmp_path, "--epochs", 1, "--hidden-dim", 16]
    assert vae.main(list(map(str, arguments))) == 0
    shown = capsys.readouterr().out
    assert "It cannot be downloaded (no network)." in shown
    assert "NOTICE: this is the small set, 256 training and 256 held-out images" in shown


def test_a_download_that_fails_gives_a_reason(tmp_path, monkeypatch):
    import torchvision

    def refuse(root, **options):
        (root / "MNIST" / "raw").mkdir(parents=True)
        raise OSError("<urlopen error [Errno -2] Name or service not known>")

    monkeypatch.setattr(torchvision.datasets, "MNIST", refuse)
    assert "Name or service not known" in vae.download(tmp_path / "data", "MNIST")
    assert not (tmp_path / "data").exists()


def test_a_checkpoint_of_another_model_is_not_gone_on_with(data, tmp_path, capsys):
    arguments = ["--data", data, "--out", tmp_path / "out"]
    assert vae.main([*map(str, arguments), "--epochs", "1", "--hidden-dim", "16"]) == 0
    before = (tmp_path / "out" / vae.CHECKPOINT).read_bytes()
    capsys.readouterr()
    line = told(capsys, *arguments, "--latent-dim", 2, "--resume")
    assert "is of a run with latent dim 16, and this one has 2" in line
    line = told(capsys, *arguments, "--seed", 3, "--resume")
    assert "is of a run with seed 42, and this one has 3" in line
    assert (tmp_path / "out" / vae.CHECKPOINT).read_bytes() == before


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", None])
def test_a_file_that_is_no_checkpoint(content, data, tmp_path, capsys):
    if content is not None:
        (tmp_path / vae.CHECKPOINT).write_bytes(content)
    line = told(capsys, "--data", data, "--out", tmp_path, "--resume")
    assert ("is no checkpoint of this script" in line) == (content is not None)
    assert ("There is no" in line) == (content is None)


def test_a_folder_that_cannot_be_written_to_is_told_before_training(data, tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert "cannot be made" in told(capsys, "--data", data, "--out", tmp_path / "file")
    if os.geteuid() == 0:
        line = told(capsys, "--data", data, "--out", "/proc/self")  # a folder in which even root can make no file
    else:
        (tmp_path / "locked").mkdir(mode=0o500)
        line = told(capsys, "--data", data, "--out", tmp_path / "locked")
    assert "cannot be written" in line


def test_a_full_disk_leaves_nothing_half_written(data, tmp_path):
    """A limit on the size of files stands for the disk: a checkpoint of this size does not fit any more."""
    command = [sys.executable, script.PATH, "--data", data, "--out", tmp_path / "out", "--epochs", "1"]
    done = subprocess.run(
        command,
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
        check=False,
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "cvae_checkpoint.pt cannot be written: File too large" in done.stderr
    assert not list((tmp_path / "out").iterdir())
