"""The pitfalls happen, and the numbers that give them away do so."""

import importlib

import matplotlib.image
import pytest
import script
import torch

pitfalls = importlib.import_module("pitfalls")  # which lies beside the script
cvae = pitfalls.cvae


@pytest.fixture
def data(tmp_path):
    return cvae.Data(script.small(tmp_path / "data", count=1000), "MNIST")


def test_the_kl_of_the_units_adds_up_to_the_kl():
    mu, logvar = torch.randn(7, 3), torch.randn(7, 3)
    units = pitfalls.kl_per_unit(mu, logvar)
    wanted = torch.distributions.kl_divergence(
        torch.distributions.Normal(mu, torch.exp(0.5 * logvar)), torch.distributions.Normal(0.0, 1.0)
    )
    torch.testing.assert_close(units, wanted.mean(dim=0))


def test_a_mismatch_of_reductions_puts_every_unit_to_sleep_and_balance_wakes_them(data):
    network, _ = pitfalls.classifier(data)
    found = {}
    for name in ("mean + sum", "mean + sum, annealed to full weight", "mean + sum, annealed to 1/784"):
        kind, weight, warmup = pitfalls.RUNS[name]
        model, history = pitfalls.trained(kind, weight, warmup, data, epochs=20)
        assert len(history) == 20
        found[name] = pitfalls.measured(model, data, network)
    for name in ("mean + sum", "mean + sum, annealed to full weight"):
        assert found[name]["active"] == 0
        assert found[name]["kl"] < 0.1
    cured = found["mean + sum, annealed to 1/784"]
    assert cured["active"] > 8
    assert cured["kl"] > 2


def test_it_writes_its_figures_and_a_line_for_each_run(tmp_path, capsys):
    data = script.small(tmp_path / "data", count=200)
    assert pitfalls.main(["--epochs", "1", "--data", str(data), "--out", str(tmp_path)]) == 0
    shown = capsys.readouterr().out
    for name in pitfalls.RUNS:
        assert f"\n{name}  " in shown
    assert "(8, 10), no error. One line later:" in shown
    assert "mat1 and mat2 shapes cannot be multiplied" in shown
    for name in ("pitfall_collapse.png", "pitfall_label_ignored.png", "pitfall_wrong_axis.png"):
        assert matplotlib.image.imread(tmp_path / name)[:, :, :3].std() > 0.02


def test_a_folder_that_cannot_be_written_to_is_told_at_once(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert pitfalls.main(["--out", str(tmp_path / "file")]) == 2
    assert "cannot be made" in capsys.readouterr().err
