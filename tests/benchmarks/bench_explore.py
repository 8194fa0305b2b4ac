"""Exercise 1's script against the usual loop over a DataLoader: `python bench_explore.py [--epochs N] [--data FOLDER]`.

Same model, batch size, optimizer and number of images; the two take turns, epoch by epoch, on one core and on two.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1] / "explore"))

import script
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader
from torchvision import datasets, transforms

BUDGET = 0.5
vae = script.load()


class Usual:
    """What tutorials write: torchvision's data set, ToTensor, a DataLoader, `.item()` in every step."""

    def __init__(self, folder):
        torch.manual_seed(vae.SEED)
        self.model = vae.ConditionalVAE()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=vae.LEARNING_RATE)
        found = datasets.MNIST(folder, train=True, download=False, transform=transforms.ToTensor())
        self.loader = DataLoader(found, batch_size=vae.BATCH_SIZE, shuffle=True)

    def epoch(self):
        self.model.train()
        for images, labels in self.loader:
            x = images.view(-1, 784)
            reconstruction, mu, logvar = self.model(x, labels)
            reconstruction_loss = F.binary_cross_entropy(reconstruction, x, reduction="sum")
            kl = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
            loss = (reconstruction_loss + kl) / len(x)
            self.optimizer.zero_grad()
            loss.backward()
            self.optimizer.step()
            loss.item()


class Ours:
    """The script's own epoch."""

    def __init__(self, data):
        self.data = data
        torch.manual_seed(vae.SEED)
        self.model = vae.ConditionalVAE()
        self.optimizer = torch.optim.Adam(self.model.parameters(), lr=vae.LEARNING_RATE, fused=True)

    def epoch(self):
        vae.train_epoch(self.model, self.optimizer, self.data, vae.BATCH_SIZE, 1.0, lambda seen, sums: None)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--epochs", type=int, default=3, help="epochs of each on every number of cores (3)")
    parser.add_argument("--data", type=Path, default=script.DATA, help="folder with MNIST/raw (the kit's subset)")
    # `make bench` runs this file with its own arguments
    options = parser.parse_args(sys.argv[1:] if Path(sys.argv[0]).name == Path(__file__).name else [])
    data = vae.Data(options.data, "MNIST")
    for cores in (1, 2):
        torch.set_num_threads(cores)
        usual, ours = Usual(options.data), Ours(data)
        times: dict[str, list[float]] = {"usual": [], "ours": []}
        for _ in range(options.epochs):
            for name, loop in (("usual", usual), ("ours", ours)):
                started = time.perf_counter()
                loop.epoch()
                times[name].append(time.perf_counter() - started)
        seconds = {name: statistics.median(found) for name, found in times.items()}
        losses = {name: sum(vae.evaluate(loop.model, data)) for name, loop in (("usual", usual), ("ours", ours))}
        print(
            f"an epoch of {len(data.images):,} images, {cores} core(s): {seconds['ours']:.1f} s, over a DataLoader "
            f"{seconds['usual']:.1f} s   budget {BUDGET:.2f}  ratio {seconds['ours'] / seconds['usual']:.2f}   "
            f"held out after {options.epochs}: {losses['ours']:.1f} and {losses['usual']:.1f} nats"
        )


if __name__ == "__main__":
    main()
