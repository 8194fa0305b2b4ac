"""Exercise 1's script as a student runs it: what it prints, writes and draws, and what `generate` understands."""

import os
import signal
import subprocess
import sys
import time

import matplotlib.image
import pytest
import script
import torch
from commands import interruptible

vae = script.load()
FIGURES = {
    "cvae_generated_samples.png",
    "cvae_training_history.png",
    "cvae_conditional_generation.png",
    "cvae_architecture_diagram.png",
}


@pytest.fixture
def data(tmp_path):
    return script.small(tmp_path / "data")


def run(data, out, *options):
    return vae.main(["--data", str(data), "--out", str(out), "--hidden-dim", "32", *map(str, options)])


def weights(out):
    return torch.load(out / vae.CHECKPOINT, weights_only=True)["model"]


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


# ------------------------------------------------------------------------------------------------------ generate


@pytest.mark.parametrize(
    ("call", "classes"),
    [
        (((7,), {}), [7]),
        ((([7],), {}), [7]),
        ((([7], 1), {}), [7]),
        (((7,), {"num_samples": 4}), [7, 7, 7, 7]),
        ((([3],), {"num_samples": 2}), [3, 3]),
        ((([3] * 5,), {}), [3, 3, 3, 3, 3]),
        ((([0, 2, 4],), {"num_samples": 3}), [0, 2, 4]),
        (((torch.tensor([9, 1]),), {}), [9, 1]),
        (((torch.tensor(5),), {}), [5]),
        (((torch.tensor([[5]]).reshape(1).to(torch.uint8),), {}), [5]),
    ],
)
def test_generate_makes_one_image_for_each_label(call, classes):
    model = vae.ConditionalVAE(latent_dim=3)
    told = []
    model.decoder[0].register_forward_pre_hook(lambda layer, inputs: told.append(inputs[0]))
    arguments, named = call
    images = model.generate(*arguments, **named)
    assert images.shape == (len(classes), 784)
    assert told[0][:, 3:].argmax(1).tolist() == classes
    assert told[0][:, 3:].sum(1).tolist() == [1.0] * len(classes)
    assert len(told[0][:, 0].unique()) == len(classes)  # a latent code of its own for each image
    assert not images.requires_grad
    assert model.training  # it leaves the model as it found it


@pytest.mark.parametrize("labels", [10, -1, [3, 12], 2.5, [1.0], True, [], "7", None, [[1, 2]], torch.eye(10)])
def test_generate_refuses_what_is_no_class(labels):
    with pytest.raises(ValueError, match="labels are whole numbers from 0 to 9"):
        vae.ConditionalVAE().generate(labels)


def test_generate_refuses_several_labels_with_another_number_of_samples():
    with pytest.raises(ValueError, match="3 labels, but num_samples=4"):
        vae.ConditionalVAE().generate([1, 2, 3], num_samples=4)


def test_the_model_has_the_widths_of_the_quick_start():
    shapes = {name: tuple(weight.shape) for name, weight in vae.ConditionalVAE().named_parameters() if weight.dim() > 1}
    assert list(shapes.values()) == [(256, 794), (256, 256), (16, 256), (16, 256), (256, 26), (256, 256), (784, 256)]
    assert sum(weight.numel() for weight in vae.ConditionalVAE().parameters()) == 551_728


# ------------------------------------------------------------------------------------------------------ training


def test_a_run_writes_four_figures_and_tells_its_losses(data, tmp_path, capsys):
    assert run(data, tmp_path, "--epochs", 2) == 0
    shown = capsys.readouterr()
    assert {path.name for path in tmp_path.glob("*.png")} == FIGURES
    for name in FIGURES:
        picture = matplotlib.image.imread(tmp_path / name)[:, :, :3]
        assert min(picture.shape[:2]) > 400
        assert picture.std() > 0.05  # something is drawn
    lines = shown.err.splitlines()
    assert len(lines) == 2
    assert all(word in lines[1] for word in ("epoch 2/2", "loss", "reconstruction", "KL", "held out", "left"))
    assert "Held out: " in shown.out
    assert not list(tmp_path.glob("*.part"))


def test_the_loss_falls_and_the_kl_rises(data, tmp_path):
    assert run(data, tmp_path, "--epochs", 30, "--learning-rate", 3e-3, "--batch-size", 50) == 0
    history = torch.load(tmp_path / vae.CHECKPOINT, weights_only=True)["history"]
    losses = [sum(entry["held_out"]) for entry in history]
    assert losses[-1] < losses[0] - 100
    assert losses[-1] < 230  # nats; the mean image of the data has 206, a fresh model 543


def test_the_kl_weight_climbs_during_its_warm_up(data, tmp_path):
    assert run(data, tmp_path, "--epochs", 5, "--kl-warmup", 3) == 0
    history = torch.load(tmp_path / vae.CHECKPOINT, weights_only=True)["history"]
    assert [entry["kl_weight"] for entry in history] == [0.25, 0.5, 0.75, 1.0, 1.0]


def test_the_same_seed_gives_the_same_weights_and_another_gives_others(data, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        assert run(data, tmp_path / name, "--epochs", 1, "--seed", seed) == 0
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_resuming_ends_where_an_uninterrupted_run_ends(data, tmp_path):
    assert run(data, tmp_path / "whole", "--epochs", 3) == 0
    assert run(data, tmp_path / "parts", "--epochs", 1) == 0
    assert run(data, tmp_path / "parts", "--epochs", 3, "--resume") == 0
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "parts"))
    for name in FIGURES:
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "parts" / name).read_bytes()


def test_a_second_run_keeps_the_checkpoint_of_the_first(data, tmp_path, capsys):
    assert run(data, tmp_path, "--epochs", 1) == 0
    first = weights(tmp_path)
    assert run(data, tmp_path, "--epochs", 1, "--seed", 7) == 0
    assert "previous_cvae_checkpoint.pt" in capsys.readouterr().out
    kept = torch.load(tmp_path / "previous_cvae_checkpoint.pt", weights_only=True)["model"]
    assert same(kept, first)


def test_two_latent_units_are_drawn(data, tmp_path):
    assert run(data, tmp_path, "--epochs", 1, "--latent-dim", 2) == 0
    assert {path.name for path in tmp_path.glob("*.png")} == FIGURES | {"cvae_latent_space.png"}


def test_fashion_is_labelled_with_the_names_of_its_classes(tmp_path, monkeypatch):
    drawn: dict = {}
    monkeypatch.setattr(vae, "mosaic", lambda axes, images, rows, columns, labels=None: drawn.setdefault(rows, labels))
    data = script.small(tmp_path / "data", "FashionMNIST")
    assert run(data, tmp_path, "--epochs", 1, "--dataset", "fashion") == 0
    assert drawn[10][0] == "T-shirt"
    assert drawn[10][9] == "ankle boot"


def test_ctrl_c_keeps_the_finished_epochs_and_says_how_to_go_on(tmp_path):
    data = script.small(tmp_path / "data")
    command = [sys.executable, script.PATH, "--data", data, "--out", tmp_path, "--hidden-dim", "32"]
    command, quiet = [*command, "--epochs", "100000"], {**os.environ, "OMP_NUM_THREADS": "1"}
    with interruptible():
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=quiet)
    ends = time.monotonic() + 60
    while not (tmp_path / vae.CHECKPOINT).exists():
        assert time.monotonic() < ends
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    errors = process.communicate(timeout=30)[1]
    assert process.returncode == 130
    assert "Traceback" not in errors
    assert "--epochs 100000 --resume" in errors.splitlines()[-1]
    done = len(torch.load(tmp_path / vae.CHECKPOINT, weights_only=True)["history"])
    assert f"holds {done} of 100000 epochs" in errors
    assert not list(tmp_path.glob("*.part"))


def test_ctrl_c_right_after_an_epoch_was_written_counts_it(data, tmp_path, monkeypatch, capsys):
    write = vae.checkpoint

    def interrupted(*arguments):
        write(*arguments)
        raise KeyboardInterrupt

    monkeypatch.setattr(vae, "checkpoint", interrupted)
    assert run(data, tmp_path, "--epochs", 5) == 130
    assert "holds 1 of 5 epochs" in capsys.readouterr().err
