"""A conditional VAE: train it on MNIST or Fashion-MNIST, and draw what it has learned.

Read it from top to bottom: the model, its loss, the data, the training, the figures, the command line.

    python conditional_vae.py                       50 epochs of MNIST; downloads the full set on first use
    python conditional_vae.py --epochs 3 --subset   a quick look, with the small set that comes along
    python conditional_vae.py --dataset fashion     the same model draws shirts and shoes
    python conditional_vae.py --resume              go on after Ctrl-C, or train for longer (--epochs 100)

Losses are in nats per image: sums over pixels and latent units, averaged over images.
"""

import argparse
import contextlib
import io
import os
import pickle
import socket
import sys
import time
from pathlib import Path

import torch
import torch.nn as nn
import torch.nn.functional as F
from images import ImagesError, find, read_idx

LATENT_DIM = 16
HIDDEN_DIM = 256
NUM_CLASSES = 10
BATCH_SIZE = 128
NUM_EPOCHS = 50
LEARNING_RATE = 1e-3
KL_WEIGHT = 1.0  # anything but 1 is no longer the ELBO
KL_WARMUP = 0  # epochs in which the KL's weight climbs from 0 to KL_WEIGHT
SEED = 42

DATASETS = {
    "mnist": ("MNIST", [str(digit) for digit in range(10)]),
    "fashion": (
        "FashionMNIST",
        ["T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot"],
    ),
}
SUBSET = Path(__file__).resolve().parent.parent / "data"  # a small part of both, that comes with the exercises
CHECKPOINT = "cvae_checkpoint.pt"


class Problem(Exception):
    """Something that the user can mend; the text says how. `code` is the exit code."""

    def __init__(self, text, code=2):
        super().__init__(text)
        self.code = code


# ------------------------------------------------------------------------------------------------------- the model


class ConditionalVAE(nn.Module):
    """q(z | x, y) and p(x | z, y) for 28 x 28 images x with labels y; the prior of z is N(0, I) for every label."""

    def __init__(self, latent_dim=LATENT_DIM, hidden_dim=HIDDEN_DIM, num_classes=NUM_CLASSES):
        super().__init__()
        self.latent_dim, self.num_classes = latent_dim, num_classes
        self.encoder = nn.Sequential(
            nn.Linear(784 + num_classes, hidden_dim), nn.ReLU(), nn.Linear(hidden_dim, hidden_dim), nn.ReLU()
        )
        self.fc_mu = nn.Linear(hidden_dim, latent_dim)
        self.fc_logvar = nn.Linear(hidden_dim, latent_dim)
        self.decoder = nn.Sequential(
            nn.Linear(latent_dim + num_classes, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, hidden_dim),
            nn.ReLU(),
            nn.Linear(hidden_dim, 784),
        )

    def encode(self, x, labels_onehot):
        """x: (batch, 784) in [0, 1]; labels_onehot: (batch, 10) -> mu, logvar: (batch, latent_dim) each."""
        h = self.encoder(torch.cat([x, labels_onehot], dim=1))
        return self.fc_mu(h), self.fc_logvar(h)

    def reparameterize(self, mu, logvar):
        """A sample of N(mu, exp(logvar)) through which gradients reach both."""
        return mu + torch.exp(0.5 * logvar) * torch.randn_like(mu)

    def decode(self, z, labels_onehot):
        """z: (batch, latent_dim); labels_onehot: (batch, 10) -> pixels: (batch, 784) in (0, 1)."""
        return torch.sigmoid(self.decode_logits(z, labels_onehot))

    def decode_logits(self, z, labels_onehot):
        """What `decode` is before the sigmoid. The loss wants it so: that is exact for black pixels, and faster."""
        return self.decoder(torch.cat([z, labels_onehot], dim=1))

    def forward_logits(self, x, labels):
        """x: (batch, 784); labels: (batch,) int64 -> logits of the reconstruction, mu, logvar."""
        labels_onehot = F.one_hot(labels, self.num_classes).float()
        mu, logvar = self.encode(x, labels_onehot)
        return self.decode_logits(self.reparameterize(mu, logvar), labels_onehot), mu, logvar

    def forward(self, x, labels):
        """x: (batch, 784); labels: (batch,) int64 -> reconstruction, mu, logvar."""
        logits, mu, logvar = self.forward_logits(x, labels)
        return torch.sigmoid(logits), mu, logvar

    @torch.no_grad()
    def generate(self, labels, num_samples=None):
        """New images of the classes in `labels`, each from a latent code of its own: (n, 784).

        labels: a class, or a list or tensor of classes. One class gives `num_samples` images of it (one, if nothing is
        said); several give one image each, in order: `generate(7)`, `generate([7])`, `generate(7, num_samples=5)`,
        `generate([7] * 5)`. ValueError for labels that are no classes, and for several with another `num_samples`.
        """
        labels = as_labels(labels, self.num_classes)
        if len(labels) == 1:
            labels = labels.repeat(1 if num_samples is None else num_samples)
        elif num_samples not in (None, len(labels)):
            raise ValueError(f"{len(labels)} labels, but num_samples={num_samples}: give one label, or one per sample")
        device = self.fc_mu.weight.device
        z = torch.randn(len(labels), self.latent_dim, device=device)
        return self.decode(z, F.one_hot(labels, self.num_classes).float().to(device))


def as_labels(labels, num_classes=NUM_CLASSES):
    """A class, or a list or tensor of classes, as an int64 tensor (n,); ValueError for anything else."""
    wanted = f"labels are whole numbers from 0 to {num_classes - 1}"
    try:
        found = torch.as_tensor(labels)
    except (TypeError, ValueError, RuntimeError):
        raise ValueError(f"{wanted}, one or a list of them; got {labels!r}") from None
    if found.dtype == torch.bool or found.is_floating_point() or found.is_complex() or found.dim() > 1:
        raise ValueError(f"{wanted}, one or a list of them; got {labels!r}")
    found = found.reshape(-1).long().cpu()
    if not len(found):
        raise ValueError(f"{wanted}; got an empty list")
    if wrong := [label for label in found.tolist() if not 0 <= label < num_classes]:
        raise ValueError(f"{wanted}; got {wrong[0]}")
    return found


# -------------------------------------------------------------------------------------------------------- the loss


def cvae_losses(logits, x, mu, logvar):
    """The two terms of the negative ELBO in nats, summed over the batch: reconstruction and KL."""
    reconstruction_loss = F.binary_cross_entropy_with_logits(logits, x, reduction="sum")
    kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return reconstruction_loss, kl


# -------------------------------------------------------------------------------------------------------- the data


class Data:
    """One data set in memory. images: (n, 784) uint8, labels: (n,) int64, each for training and held out."""

    def __init__(self, folder, name, device="cpu"):
        raw = folder / name / "raw"
        self.images = read_images(raw, "train-images-idx3-ubyte").to(device)
        self.labels = read_labels(raw, "train-labels-idx1-ubyte", len(self.images)).to(device)
        self.held_out_images = read_images(raw, "t10k-images-idx3-ubyte").to(device)
        self.held_out_labels = read_labels(raw, "t10k-labels-idx1-ubyte", len(self.held_out_images)).to(device)


def read_images(raw, name):
    images = read_values(raw, name)
    if images.shape[1:] != (28, 28):
        raise Problem(f"{raw / name} holds images of {images.shape[1]} x {images.shape[2]} pixels, not of 28 x 28.")
    return images.reshape(-1, 784)


def read_labels(raw, name, count):
    labels = read_values(raw, name).long()
    if len(labels) != count:
        raise Problem(f"{raw / name} holds {len(labels)} labels for {count} images. Delete {raw} to load it anew.")
    if labels.max() >= NUM_CLASSES:
        raise Problem(f"{raw / name} holds a label {labels.max()}; classes are 0 to {NUM_CLASSES - 1}.")
    return labels


def read_values(raw, name):
    try:
        return read_idx(raw, name)
    except ImagesError as error:
        raise Problem(f"{error} Delete it and run this again to download it anew, or use --subset.") from None
    except OSError as error:
        raise Problem(f"{error.filename} cannot be read: {error.strerror}.") from None


def is_there(folder, name):
    files = [f"{part}-{kind}-ubyte" for part in ("train", "t10k") for kind in ("images-idx3", "labels-idx1")]
    return all(find(folder / name / "raw", file) for file in files)


def load_data(dataset, folder, subset, device, say):
    """The full set in `folder`, downloaded if need be; the subset if that fails or is asked for."""
    name, _ = DATASETS[dataset]
    if not subset and not is_there(folder, name):
        say(f"The full {name} set is not in {folder}; downloading it.")
        if reason := download(folder, name):
            say(f"It cannot be downloaded ({reason}).")
            subset = True
    if not subset:
        return Data(folder, name, device)
    if not is_there(SUBSET, name):
        raise Problem(f"There is no {name} in {SUBSET}. Name a folder that holds {name}/raw with --data.")
    data = Data(SUBSET, name, device)
    count = f"{len(data.images):,} training and {len(data.held_out_images):,} held-out images"
    say(f"NOTICE: this is the small set, {count}. Figures and numbers are not those of the full set.")
    return data


def download(folder, name):
    """Let torchvision download a set into `folder`; the reason, in a few words, where it cannot."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(15)  # seconds without a byte; no network must not mean no end
    try:
        import torchvision

        getattr(torchvision.datasets, name)(folder, download=True)
    except ImportError:
        return "torchvision is not installed"
    except (OSError, RuntimeError) as error:
        for made in (folder / name / "raw", folder / name, folder):
            with contextlib.suppress(OSError):  # not empty, or never made
                made.rmdir()
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        return reason[:100].rstrip(":")
    finally:
        socket.setdefaulttimeout(before)
    return None


# ---------------------------------------------------------------------------------------------------- the training


def train_epoch(model, optimizer, data, batch_size, kl_weight, report):
    """One pass over the training images in random order; the mean reconstruction loss and KL in nats per image.

    The whole set lies in memory as bytes: a batch is a slice of a shuffled index, and no image is ever opened, decoded
    or copied one by one. That makes an epoch several times as fast as the same loop over a DataLoader.
    """
    model.train()
    count = len(data.images)
    order = torch.randperm(count, device=data.images.device)
    sums = torch.zeros(2, device=data.images.device)
    for start in range(0, count, batch_size):
        chosen = order[start : start + batch_size]
        x = data.images[chosen].float().div_(255)
        logits, mu, logvar = model.forward_logits(x, data.labels[chosen])
        reconstruction_loss, kl = cvae_losses(logits, x, mu, logvar)
        loss = (reconstruction_loss + kl_weight * kl) / len(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        sums += torch.stack([reconstruction_loss.detach(), kl.detach()])
        report(min(start + batch_size, count), sums)
    return (sums / count).tolist()


@torch.no_grad()
def evaluate(model, data, batch_size=1000):
    """Mean reconstruction loss and KL of the held-out images, in nats per image, from one latent code each."""
    model.eval()
    sums = torch.zeros(2, device=data.images.device)
    for start in range(0, len(data.held_out_images), batch_size):
        x = data.held_out_images[start : start + batch_size].float().div_(255)
        logits, mu, logvar = model.forward_logits(x, data.held_out_labels[start : start + batch_size])
        sums += torch.stack(cvae_losses(logits, x, mu, logvar))
    return (sums / len(data.held_out_images)).tolist()


def train(model, data, options, out, say):
    """Train up to epoch `options.epochs`, with a checkpoint after each; the history, a dictionary for every epoch."""
    optimizer = torch.optim.Adam(model.parameters(), lr=options.learning_rate, fused=True)
    path, history = out / CHECKPOINT, []
    settings = {name: getattr(options, name) for name in SETTINGS} | {"training images": len(data.images)}
    if options.resume:
        history = restore(path, model, optimizer, settings)
        say(f"Going on after epoch {len(history)} of {path}.")
    elif path.exists():  # an accident must not cost hours of training
        os.replace(path, path.with_name(f"previous_{CHECKPOINT}"))
        say(f"{CHECKPOINT} is of an earlier run; it is now called previous_{CHECKPOINT}. (--resume goes on with it.)")
    progress = Progress(len(history), options.epochs, len(data.images))
    try:
        for epoch in range(len(history), options.epochs):
            # KL annealing: the decoder may learn to use z before z is taxed in full
            weight = options.kl_weight * min(1.0, (epoch + 1) / (options.kl_warmup + 1))
            trained = train_epoch(model, optimizer, data, options.batch_size, weight, progress.batch)
            history.append({"train": trained, "held_out": evaluate(model, data), "kl_weight": weight})
            if not all(map(torch.isfinite, torch.tensor(trained))):
                raise Problem(f"The loss is no number any more, in epoch {epoch + 1}. Try a smaller --learning-rate.")
            checkpoint(path, model, optimizer, settings, history)
            progress.epoch(history)
    except KeyboardInterrupt:
        progress.clear()
        # asked of the file: Ctrl-C may have come right after it was written
        saved = len(torch.load(path, weights_only=True)["history"]) if path.exists() else 0
        if not saved:
            raise Problem("Interrupted before the end of the first epoch; nothing was saved.", 130) from None
        again = " ".join(argument for argument in sys.argv[1:] if argument != "--resume")
        go_on = f"python {Path(sys.argv[0]).name} {again} --resume".replace("  ", " ")
        raise Problem(
            f"Interrupted. {path} holds {saved} of {options.epochs} epochs; go on with: {go_on}", 130
        ) from None
    return history


class Progress:
    """Loss, its two terms and the time left: one line that is rewritten on a terminal, one per epoch elsewhere."""

    def __init__(self, done, epochs, images):
        self.first, self.done, self.epochs, self.images = done, done, epochs, images
        self.started = self.shown = time.monotonic()
        self.terminal = sys.stderr.isatty()

    def batch(self, seen, sums):
        if self.terminal and time.monotonic() - self.shown > 0.2:
            self.shown = time.monotonic()
            self._line(seen / self.images, *(sums / seen).tolist())

    def epoch(self, history):
        self.done += 1
        reconstruction, kl = history[-1]["train"]
        self._line(0.0, reconstruction, kl, f"  held out {sum(history[-1]['held_out']):.1f}")
        if not self.terminal or self.done == self.epochs:
            print(file=sys.stderr)

    def _line(self, part, reconstruction, kl, held_out=""):
        done = self.done + part
        seconds = (time.monotonic() - self.started) * (self.epochs - done) / max(done - self.first, 1e-9)
        left = f"{int(seconds) // 60}:{int(seconds) % 60:02d} left"
        bar = f"{'#' * int(20 * done / self.epochs):-<20}"
        losses = f"loss {reconstruction + kl:.1f}  reconstruction {reconstruction:.1f}  KL {kl:.1f}{held_out}"
        line = f"epoch {min(int(done) + (part > 0), self.epochs)}/{self.epochs} [{bar}] {losses}  {left}"
        print(f"\r\x1b[2K{line}" if self.terminal else line, end="", file=sys.stderr, flush=True)

    def clear(self):
        if self.terminal:
            print("\r\x1b[2K", end="", file=sys.stderr)


# What has to be the same for a checkpoint to be gone on with
SETTINGS = ("dataset", "latent_dim", "hidden_dim", "batch_size", "learning_rate", "kl_weight", "kl_warmup", "seed")


def checkpoint(path, model, optimizer, settings, history):
    """Everything that training needs to go on as if it had never stopped, random numbers included."""
    state = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "settings": settings}
    state |= {"history": history, "random": torch.get_rng_state()}
    if torch.cuda.is_available():
        state["cuda random"] = torch.cuda.get_rng_state()
    content = io.BytesIO()
    torch.save(state, content)
    write(path, content.getvalue())


def restore(path, model, optimizer, settings):
    """Put a checkpoint's state into model, optimizer and random numbers; its history."""
    try:
        state = torch.load(path, weights_only=True, map_location=model.fc_mu.weight.device)
        found = state["settings"]
    except FileNotFoundError:
        raise Problem(f"There is no {path} to resume from. Leave --resume out to start.") from None
    except (OSError, RuntimeError, EOFError, KeyError, TypeError, ValueError, pickle.UnpicklingError):
        raise Problem(
            f"{path} is no checkpoint of this script, or damaged. Leave --resume out to start anew."
        ) from None
    for name, value in settings.items():
        if found.get(name) != value:
            other = f"{path} is of a run with {name.replace('_', ' ')} {found.get(name)}, and this one has {value}"
            raise Problem(f"{other}. Use the same options, or leave --resume out to start anew.")
    model.load_state_dict(state["model"])
    optimizer.load_state_dict(state["optimizer"])
    torch.set_rng_state(state["random"].cpu())
    if torch.cuda.is_available() and "cuda random" in state:
        torch.cuda.set_rng_state(state["cuda random"].cpu())
    return state["history"]


def write(path, content):
    """Write a file as a whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    try:
        unfinished.write_bytes(content)
        os.replace(unfinished, path)
    except OSError as error:
        raise Problem(f"{path} cannot be written: {error.strerror}. What was there before is untouched.") from None
    finally:
        with contextlib.suppress(OSError):  # where it could not even be made
            unfinished.unlink(missing_ok=True)


# ----------------------------------------------------------------------------------------------------- the figures


def mosaic(axes, images, rows, columns, labels=None):
    """Draw images (rows * columns, 784) as one grid of tiles with thin gaps; `labels` are the rows'."""
    tiles = F.pad(images.reshape(rows, columns, 28, 28).cpu(), (1, 1, 1, 1))  # a dark line between neighbours
    picture = tiles.permute(0, 2, 1, 3).reshape(rows * 30, columns * 30)
    axes.imshow(picture.numpy(), cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    axes.set_xticks([])
    axes.set_yticks([30 * row + 14.5 for row in range(rows)] if labels else [], labels or [])
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)


def generated_samples(model, names):
    """Ten images of every class, each from its own latent code."""
    figure = new_figure(6.4, 6.6)
    axes = figure.subplots()
    mosaic(axes, model.generate([label for label in range(10) for _ in range(10)]), 10, 10, names)
    axes.set_title("Ten samples of each class")
    return figure


def training_history(history):
    """Loss and its two terms over the epochs, for training and held-out images."""
    figure = new_figure(10, 3.4)
    epochs = range(1, len(history) + 1)
    for number, (axes, title) in enumerate(
        zip(figure.subplots(1, 3), ("Loss (negative ELBO)", "Reconstruction", "KL divergence"), strict=True)
    ):
        for part, style, colour in (("train", "-", "#1f4e79"), ("held_out", "--", "#d1741f")):
            values = [sum(entry[part]) if number == 0 else entry[part][number - 1] for entry in history]
            marker = "o" if len(history) < 6 else None
            axes.plot(epochs, values, style, color=colour, marker=marker, label=part.replace("_", " "))
        axes.set_title(title)
        axes.set_xlabel("epoch")
        axes.xaxis.get_major_locator().set_params(integer=True)
        axes.spines[["top", "right"]].set_visible(False)
        axes.grid(alpha=0.25)
        if number == 0:
            axes.set_ylabel("nats per image")
            axes.legend(frameon=False)
    return figure


def conditional_generation(model, names):
    """Above, one latent code in each row under ten labels; below, ten latent codes within one class in each row."""
    figure = new_figure(6.8, 5.4)
    above, below = figure.subplots(2, 1)
    labels = torch.arange(10)
    device = model.fc_mu.weight.device
    codes = torch.randn(3, model.latent_dim, device=device).repeat_interleave(10, dim=0)
    with torch.no_grad():
        images = model.decode(codes, F.one_hot(labels.repeat(3), 10).float().to(device))
    mosaic(above, images, 3, 10, [f"latent {letter}" for letter in "abc"])
    above.set_xticks([30 * column + 14.5 for column in range(10)], names, rotation=30 if len(names[0]) > 1 else 0)
    above.xaxis.tick_top()
    above.set_title("Same latent code, ten labels", pad=10)
    classes = [0, 4, 7]
    mosaic(below, model.generate([label for label in classes for _ in range(10)]), 3, 10, [names[c] for c in classes])
    below.set_title("Ten latent codes, same label")
    return figure


def latent_space(model, data, names):
    """Where the encoder puts held-out images: the two posterior means. Every class fills the prior on its own."""
    figure = new_figure(6.4, 5.6)
    axes = figure.subplots()
    x, labels = data.held_out_images[:2000].float().div(255), data.held_out_labels[:2000]
    with torch.no_grad():
        mu, _ = model.encode(x, F.one_hot(labels, 10).float())
    for label, name in enumerate(names):
        points = mu[labels == label].cpu()
        axes.scatter(points[:, 0].numpy(), points[:, 1].numpy(), s=7, color=f"C{label}", label=name, linewidths=0)
    axes.set_title("Posterior means of held-out images")
    axes.set_xlabel("latent unit 1")
    axes.set_ylabel("latent unit 2")
    axes.set_aspect("equal")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, markerscale=2, loc="center left", bbox_to_anchor=(1, 0.5))
    return figure


def architecture_diagram(latent_dim, hidden_dim):
    """The two halves of the model with the width of every layer, and the two places where the label goes in."""
    figure = new_figure(11, 4.6, layout=None)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, 110)
    axes.set_ylim(0, 46)
    axes.axis("off")
    given, made, layer, code = "#ececec", "#ececec", "#cfe0f1", "#f7dcb8"

    def box(x, y, text, colour, width=9.0, height=7.0):
        from matplotlib.patches import FancyBboxPatch

        style = "round,pad=0,rounding_size=1"
        axes.add_patch(FancyBboxPatch((x - width / 2, y - height / 2), width, height, style, fc=colour, ec="#444444"))
        axes.text(x, y, text, ha="center", va="center", fontsize=9.5, linespacing=1.35)

    def arrow(start, end, bend=0.0):
        style = {"arrowstyle": "-|>", "color": "#444444", "shrinkA": 0, "shrinkB": 0, "mutation_scale": 11}
        style["connectionstyle"] = f"arc3,rad={bend}"
        axes.annotate("", end, start, arrowprops=style)

    middle, top, bottom = 27, 33.5, 20.5
    box(7, top, "image x\n784", given)
    box(7, bottom, "label y\n10", given)
    box(20, middle, f"[x, y]\n{784 + 10}", "white")
    box(32, middle, f"ReLU\n{hidden_dim}", layer)
    box(43, middle, f"ReLU\n{hidden_dim}", layer)
    box(54.5, top, f"$\\mu$\n{latent_dim}", layer, 8)
    box(54.5, bottom, f"$\\log\\,\\sigma^2$\n{latent_dim}", layer, 8)
    box(66, middle, f"z\n{latent_dim}", code, 7)
    box(77, middle, f"[z, y]\n{latent_dim + 10}", "white", 8)
    box(87, middle, f"ReLU\n{hidden_dim}", layer, 7)
    box(95.5, middle, f"ReLU\n{hidden_dim}", layer, 7)
    box(104.5, middle, "sigmoid\n784", made, 8)
    for start, end in (
        ((11.5, top), (15.5, middle + 1.5)),
        ((11.5, bottom), (15.5, middle - 1.5)),
        ((24.5, middle), (27.5, middle)),
        ((36.5, middle), (38.5, middle)),
        ((47.5, middle + 1.5), (50.5, top)),
        ((47.5, middle - 1.5), (50.5, bottom)),
        ((58.5, top), (62.5, middle + 1.5)),
        ((58.5, bottom), (62.5, middle - 1.5)),
        ((69.5, middle), (73, middle)),
        ((81, middle), (83.5, middle)),
        ((90.5, middle), (92, middle)),
        ((99, middle), (100.5, middle)),
    ):
        arrow(start, end)
    axes.plot([7, 7, 77], [bottom - 3.5, 9, 9], color="#444444", lw=1)  # the label's way to the decoder
    arrow((77, 9), (77, middle - 3.5))
    axes.text(42, 10, "the same label, given to both halves", ha="center", va="bottom", fontsize=9.5, style="italic")
    axes.text(66, top + 1.5, "$z = \\mu + \\sigma\\,\\epsilon$", ha="center", va="bottom", fontsize=10.5)
    axes.text(66, top + 5.5, "$\\epsilon \\sim N(0, I)$", ha="center", va="bottom", fontsize=10.5)
    axes.text(37, 41.5, "Encoder  $q(z\\,|\\,x, y)$", ha="center", fontsize=12, weight="bold")
    axes.text(91, 41.5, "Decoder  $p(x\\,|\\,z, y)$", ha="center", fontsize=12, weight="bold")
    axes.text(104.5, middle - 6.5, "reconstruction", ha="center", fontsize=9.5)
    axes.text(
        1.5, 2.5, "[ , ] puts rows side by side; every number is the width of a layer.", fontsize=9, color="#444444"
    )
    return figure


def new_figure(width, height, layout="constrained"):
    from matplotlib.figure import Figure  # no window, and so no display, is needed

    return Figure(figsize=(width, height), dpi=160, layout=layout)


def draw(model, data, history, names, out, seed):
    """Write all figures into `out`; their names."""
    torch.manual_seed(seed)  # the figures show the weights, whether or not training was interrupted
    figures = {
        "cvae_generated_samples.png": generated_samples(model, names),
        "cvae_training_history.png": training_history(history),
        "cvae_conditional_generation.png": conditional_generation(model, names),
        "cvae_architecture_diagram.png": architecture_diagram(model.latent_dim, model.encoder[0].out_features),
    }
    if model.latent_dim == 2:
        figures["cvae_latent_space.png"] = latent_space(model, data, names)
    for name, figure in figures.items():
        content = io.BytesIO()
        figure.savefig(content, format="png")
        write(out / name, content.getvalue())
    return list(figures)


# ------------------------------------------------------------------------------------------------ the command line


def parsed(arguments):
    whole, text = (__doc__ or "").split("\n\n", 1)
    parser = argparse.ArgumentParser(
        description=whole, epilog=text, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    folder = os.environ.get("CVAEKIT_DATA", "data")
    add = parser.add_argument
    add("--dataset", default="mnist", metavar="NAME", help="mnist (default) or fashion")
    add("--data", type=Path, default=Path(folder), metavar="FOLDER", help=f"where the full set is or goes ({folder})")
    add("--subset", action="store_true", help="use the small set that comes along; nothing is downloaded")
    add("--out", type=Path, default=Path(), metavar="FOLDER", help="where figures and checkpoint go (here)")
    add("--resume", action="store_true", help="go on from the checkpoint in that folder")
    add("--epochs", type=positive(int), default=NUM_EPOCHS, metavar="N", help=f"epochs in all ({NUM_EPOCHS})")
    add("--latent-dim", type=positive(int), default=LATENT_DIM, metavar="N", help=f"latent units ({LATENT_DIM})")
    add("--hidden-dim", type=positive(int), default=HIDDEN_DIM, metavar="N", help=f"width of layers ({HIDDEN_DIM})")
    add("--batch-size", type=positive(int), default=BATCH_SIZE, metavar="N", help=f"images a step ({BATCH_SIZE})")
    add("--learning-rate", type=positive(float), default=LEARNING_RATE, metavar="X", help=f"Adam's ({LEARNING_RATE})")
    add("--kl-weight", type=positive(float), default=KL_WEIGHT, metavar="X", help=f"weight of the KL ({KL_WEIGHT:g})")
    add("--kl-warmup", type=int, default=KL_WARMUP, metavar="N", help="epochs in which it climbs there from 0 (0)")
    add("--seed", type=int, default=SEED, metavar="N", help=f"of weights, batches and noise ({SEED})")
    add("--device", default="auto", choices=("auto", "cpu", "cuda"), help="where to train (a GPU if there is one)")
    options = parser.parse_args(arguments)
    if options.dataset not in DATASETS:
        raise Problem(f"There is no data set {options.dataset!r}; choose one of: {', '.join(DATASETS)}.")
    if options.kl_warmup < 0:
        raise Problem("--kl-warmup is a number of epochs: 0 or more.")
    if options.device == "cuda" and not torch.cuda.is_available():
        raise Problem("torch finds no GPU here. Leave --device out to train on the CPU.")
    return options


def positive(kind):
    def read(text):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"{text} is not above 0")
        return value

    return read


def prepared(folder):
    """Make the folder for what is written, and find out now rather than after an hour whether it can be written to."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise Problem(f"{folder} cannot be made: {error.strerror}. Choose another folder with --out.") from None
    probe = folder / "cvae_probe"
    write(probe, b"")
    probe.unlink()
    return folder


def run(options):
    def say(text):
        print(text, flush=True)

    out = prepared(options.out)
    device = "cuda" if options.device != "cpu" and torch.cuda.is_available() else "cpu"
    data = load_data(options.dataset, options.data, options.subset, device, say)
    torch.manual_seed(options.seed)
    model = ConditionalVAE(options.latent_dim, options.hidden_dim).to(device)
    history = train(model, data, options, out, say)
    reconstruction, kl = history[-1]["held_out"]
    say(f"Held out: {reconstruction + kl:.1f} nats per image (reconstruction {reconstruction:.1f}, KL {kl:.1f}).")
    names = draw(model, data, history, DATASETS[options.dataset][1], out, options.seed)
    say(f"Wrote {', '.join(names)} and {CHECKPOINT} to {out.resolve()}.")


def main(arguments=None):
    try:
        run(parsed(arguments))
    except Problem as problem:
        print(f"conditional_vae.py: {problem}", file=sys.stderr)
        return problem.code
    return 0


if __name__ == "__main__":
    sys.exit(main())
