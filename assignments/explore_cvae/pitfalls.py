"""Four ways in which a conditional VAE fails without an error message, and the number that gives each of them away.

    python pitfalls.py                  two minutes on one core; writes three figures and prints a table
    python pitfalls.py --epochs 30      clearer differences

1. Posterior collapse: the KL outweighs the reconstruction, because one is summed and the other averaged.
2. KL annealing as a cure: what it can do, and what it cannot.
3. A decoder that never sees the label.
4. Label and latent code put together along the wrong axis.
"""

import argparse
import io
import sys
from pathlib import Path

import conditional_vae as cvae
import torch
import torch.nn as nn
import torch.nn.functional as F

LATENT_DIM = 16
NUM_EPOCHS = 14
ACTIVE = (
    0.01  # a latent unit is active if the variance of its posterior mean over the data is larger (Burda et al. 2016)
)


class LabelBlindDecoder(cvae.ConditionalVAE):
    """Everything as it should be, but the decoder's label is always zero: z has to carry the class, too."""

    def decode_logits(self, z, labels_onehot):
        return super().decode_logits(z, torch.zeros_like(labels_onehot))


# Name -> the model, the KL's weight, and the epochs (as a share of all) in which that weight climbs from 0.
# Averaging the reconstruction over 784 pixels and summing the KL over units is, up to a factor that Adam does not feel,
# summing both and giving the KL a weight of 784.
RUNS = {
    "sum + sum": (cvae.ConditionalVAE, 1.0, 0.0),
    "mean + sum": (cvae.ConditionalVAE, 784.0, 0.0),
    "mean + sum, annealed to full weight": (cvae.ConditionalVAE, 784.0, 0.6),
    "mean + sum, annealed to 1/784": (cvae.ConditionalVAE, 1.0, 0.6),
    "KL weight 16": (cvae.ConditionalVAE, 16.0, 0.0),
    "KL weight 16, annealed": (cvae.ConditionalVAE, 16.0, 0.6),
    "label-blind decoder": (LabelBlindDecoder, 1.0, 0.0),
}


def kl_per_unit(mu, logvar):
    """mu, logvar: (images, units) -> the KL of every unit in nats, averaged over images: (units,)."""
    return -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).mean(dim=0)


def trained(kind, kl_weight, warmup, data, epochs):
    """A model of class `kind` and the KL of every epoch, in nats per image."""
    torch.manual_seed(cvae.SEED)
    model = kind(LATENT_DIM)
    optimizer = torch.optim.Adam(model.parameters(), lr=cvae.LEARNING_RATE, fused=True)
    kls = []
    for epoch in range(epochs):
        weight = kl_weight * min(1.0, (epoch + 1) / (warmup * epochs + 1))
        kls.append(cvae.train_epoch(model, optimizer, data, cvae.BATCH_SIZE, weight, lambda seen, sums: None)[1])
    return model, kls


def classifier(data):
    """A small network that names real digits, to say what generated ones look like; its accuracy on held-out digits."""
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3, fused=True)
    x = data.images.float().div(255)
    for _ in range(12):
        for chosen in torch.randperm(len(x)).split(64):
            loss = F.cross_entropy(network(x[chosen]), data.labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return network, agreement(network, data.held_out_images.float().div(255), data.held_out_labels)


@torch.no_grad()
def agreement(network, images, labels):
    """The share of images in which the network sees the class that they should show."""
    return (network(images).argmax(dim=1) == labels).float().mean().item()


@torch.no_grad()
def measured(model, data, network):
    """Held-out losses, KL per unit, active units, and how often a generated image shows the class asked for."""
    torch.manual_seed(0)
    reconstruction, kl = cvae.evaluate(model, data)
    x, labels = data.held_out_images.float().div(255), data.held_out_labels
    mu, logvar = model.encode(x, F.one_hot(labels, 10).float())
    asked = torch.arange(10).repeat_interleave(50)
    return {
        "reconstruction": reconstruction,
        "kl": kl,
        "units": kl_per_unit(mu, logvar),
        "active": int((mu.var(dim=0) > ACTIVE).sum()),
        "asked": agreement(network, model.generate(asked), asked),
    }


# ----------------------------------------------------------------------------------------------------- the figures


def collapse_figure(histories, found):
    """Left, the KL over the epochs of every run; right, where it sits at the end, unit by unit."""
    figure = cvae.new_figure(11, 4.2)
    left, right = figure.subplots(1, 2)
    styles = {
        "sum + sum": ("-", "#1f4e79"),
        "mean + sum": ("-", "#b03a2e"),
        "mean + sum, annealed to full weight": ("--", "#b03a2e"),
        "mean + sum, annealed to 1/784": ("--", "#1f4e79"),
    }
    for name, (style, colour) in styles.items():
        left.plot(range(1, len(histories[name]) + 1), histories[name], style, color=colour, label=name)
    left.set(title="KL while training", xlabel="epoch", ylabel="nats per image")
    left.legend(frameon=False, fontsize=9)
    width = 0.4
    for place, name in enumerate(("sum + sum", "mean + sum")):
        heights = found[name]["units"].sort(descending=True).values
        units = torch.arange(1, LATENT_DIM + 1) + (place - 0.5) * width
        label = f"{name}: {found[name]['active']} of {LATENT_DIM} units active"
        right.bar(units.numpy(), heights.numpy(), width, color=styles[name][1], label=label)
    right.set(title="KL per latent unit, sorted", xlabel="unit", ylabel="nats per image")
    right.legend(frameon=False, fontsize=9)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    return figure


def label_figure(models, found):
    """The same latent codes under ten labels, for a decoder that sees the label and for one that does not."""
    figure = cvae.new_figure(6.8, 5.0)
    names = ("sum + sum", "label-blind decoder")
    for axes, name in zip(figure.subplots(2, 1), names, strict=True):
        torch.manual_seed(0)
        codes = torch.randn(3, LATENT_DIM).repeat_interleave(10, dim=0)
        with torch.no_grad():
            images = models[name].decode(codes, F.one_hot(torch.arange(10).repeat(3), 10).float())
        cvae.mosaic(axes, images, 3, 10, [f"latent {letter}" for letter in "abc"])
        axes.set_xticks([30 * column + 14.5 for column in range(10)], range(10))
        axes.xaxis.tick_top()
        seen = "the label reaches the decoder" if name == names[0] else "it does not"
        axes.set_title(f"{seen}: {found[name]['asked']:.0%} of generated images show the digit asked for", fontsize=11)
    return figure


def axis_figure():
    """Ten latent units and ten classes: torch.cat succeeds along both axes, and one of them is wrong."""
    torch.manual_seed(0)
    z, y = torch.randn(4, 10), F.one_hot(torch.tensor([3, 1, 4, 1]), 10).float()
    right, wrong = torch.cat([z, y], dim=1), torch.cat([z, y], dim=0)
    figure = cvae.new_figure(9.5, 3.6)
    titles = {
        f"z: {tuple(z.shape)}": z,
        f"labels: {tuple(y.shape)}": y,
        f"cat(dim=1): {tuple(right.shape)}": right,
        f"cat(dim=0): {tuple(wrong.shape)}": wrong,
    }
    grid = figure.subplots(1, 4, width_ratios=(10, 10, 20, 10))
    for axes, (title, values) in zip(grid, titles.items(), strict=True):
        axes.imshow(values.numpy(), cmap="RdBu_r", vmin=-2, vmax=2)
        axes.set_title(title, fontsize=10)
        axes.set_xticks([])
        axes.set_yticks([])
    figure.suptitle("A batch of 4 rows stays 4 rows, each longer by its label; dim=0 makes 8 rows of half the story")
    return figure


def wrong_axis():
    """What the decoder says to codes and labels that were stacked."""
    model = cvae.ConditionalVAE(latent_dim=10)
    z, y = torch.randn(4, 10), F.one_hot(torch.tensor([3, 1, 4, 1]), 10).float()
    stacked = torch.cat([z, y], dim=0)
    try:
        model.decoder(stacked)
    except RuntimeError as error:
        return f"torch.cat([z, y], dim=0): {tuple(stacked.shape)}, no error. One line later: {error}"
    raise AssertionError("a decoder for 20 inputs took 10")


# ------------------------------------------------------------------------------------------------ the command line


def table(found):
    """What was measured, a line for each run."""
    lines = [f"{'':38}{'reconstruction':>15}{'KL':>8}{'active units':>14}{'class asked for':>17}"]
    for name, of in found.items():
        numbers = f"{of['reconstruction']:15.1f}{of['kl']:8.2f}{of['active']:14d}{of['asked']:17.0%}"
        lines.append(f"{name:38}{numbers}")
    return "\n".join(lines)


def run(options):
    out = cvae.prepared(options.out)
    data = cvae.load_data("mnist", options.data, options.data is None, "cpu", print)
    network, accuracy = classifier(data)
    models, histories, found = {}, {}, {}
    for number, (name, (kind, weight, warmup)) in enumerate(RUNS.items(), start=1):
        print(f"{number}/{len(RUNS)} training: {name}", file=sys.stderr, flush=True)
        models[name], histories[name] = trained(kind, weight, warmup, data, options.epochs)
        found[name] = measured(models[name], data, network)
    figures = {
        "pitfall_collapse.png": collapse_figure(histories, found),
        "pitfall_label_ignored.png": label_figure(models, found),
        "pitfall_wrong_axis.png": axis_figure(),
    }
    for name, figure in figures.items():
        content = io.BytesIO()
        figure.savefig(content, format="png")
        cvae.write(out / name, content.getvalue())
    print(table(found))
    print(f"(nats per held-out image; the classifier names {accuracy:.0%} of real held-out digits)")
    print(wrong_axis())
    print(f"Wrote {', '.join(figures)} to {out.resolve()}.")


def main(arguments=None):
    whole, text = (__doc__ or "").split("\n\n", 1)
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(description=whole, epilog=text, formatter_class=raw)
    add = parser.add_argument
    add("--epochs", type=cvae.positive(int), default=NUM_EPOCHS, metavar="N", help=f"of every run ({NUM_EPOCHS})")
    add("--data", type=Path, metavar="FOLDER", help="where the full set is (the small set that comes along)")
    add("--out", type=Path, default=Path(), metavar="FOLDER", help="where the figures go (here)")
    try:
        run(parser.parse_args(arguments))
    except cvae.Problem as problem:
        print(f"pitfalls.py: {problem}", file=sys.stderr)
        return problem.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
