"""Check the work on Exercise 2: run `pytest` in this folder, at any time.

Reads explore.py, or explore_starter.py where there is none, or the file that the environment variable EXPLORE_FILE
names. Each task is judged on its own: *not started* while all its `...` are still there, *begun* while some are,
otherwise *right* or *wrong*, and if wrong, what was called, what came back and what was wanted. The grader asks for
more of this.
"""

import math

import conditional_vae
import pytest
import torch
from exercise import Exercise, Wrong, told
from images import read_set

EXERCISE = Exercise(__file__)
judged = EXERCISE.judged
# The grader's settings. A right answer reaches about 265 nats; the best without a latent code would be 313.
EPOCHS, BATCH, RATE, LIMIT = 12, 64, 2e-3, 276.0


@pytest.fixture(scope="session", autouse=True)
def work(request):
    return EXERCISE.begin(request.config)


def test_file(work):
    """The file can be imported and defines what the starter defines."""
    work.check_file()


# -------------------------------------------------------------------------------------------------- losses and units


@judged
def test_nats_per_image(work):
    def terms(count, guess, mean, spread, units=3):
        inputs = torch.full((count, 784), guess), torch.zeros(count, 784)
        latent = torch.full((count, units), mean), torch.full((count, units), spread)
        called = f"nats_per_image of {count} black images, redrawn at {guess:g}, mu {mean:g} and logvar {spread:g}"
        found = work.ask(
            called, lambda: tuple(map(float, work.module.nats_per_image(*inputs, *latent))), wanted="two numbers"
        )
        if len(found) != 2:
            raise Wrong(called, f"{len(found)} numbers", "two numbers: reconstruction and KL")
        return called, found

    called, (grey, nothing) = terms(4, 0.5, 0.0, 0.0)
    if not math.isclose(grey, 784 * math.log(2), rel_tol=1e-4):
        raise Wrong(called, f"a reconstruction of {grey:.4g}", "the logarithm of 2 for each of the pixels of an image")
    if abs(nothing) > 1e-5:
        raise Wrong(called, f"a KL of {nothing:.4g}", "nothing to pay for a code that is standard normal")
    for mean, spread in ((1.0, 0.0), (0.0, 1.0), (0.0, -1.0)):
        called, (_, few) = terms(4, 0.5, mean, spread)
        _, (_, many) = terms(12, 0.5, mean, spread, units=6)
        if not few > 0 or not math.isclose(many, 2 * few, rel_tol=1e-4):
            got = f"a KL of {few:.4g}, and of {many:.4g} for more images with twice as many units"
            raise Wrong(called, got, "a price for each unit, whatever the number of images")
    _, (dark, _) = terms(12, 0.1, 0.0, 0.0)
    if not dark < grey / 2:
        raise Wrong("nats_per_image of images that are redrawn better", f"{dark:.4g} after {grey:.4g}", "less to pay")


@judged
def test_kl_per_unit(work):
    mu, logvar = torch.randn(6, 4), torch.randn(6, 4)
    mu[:, 2], logvar[:, 2] = 0.0, 0.0
    called, before = "kl_per_unit(mu, logvar) of 6 images with 4 units, the third of them standard normal", mu.clone()
    wanted = "a tensor of shape (4,): one number for each unit"

    def kl_per_unit(called, *arguments):
        return work.ask(called, lambda: torch.as_tensor(work.module.kl_per_unit(*arguments)), wanted=wanted)

    found = kl_per_unit(called, mu, logvar)
    if not torch.equal(mu, before):
        raise Wrong(called, "mu was overwritten", "tensors that are left as they came")
    if found.shape != (4,):
        raise Wrong(called, told(found), wanted)
    if abs(found[2]) > 1e-5 or (found[[0, 1, 3]] <= 0).any():
        raise Wrong(called, f"{[round(float(unit), 3) for unit in found]}", "0 for the third, more for the others")
    again = kl_per_unit(called, mu.repeat(3, 1), logvar.repeat(3, 1))
    if not torch.allclose(found, again, atol=1e-5):
        raise Wrong(f"{called}; then of the same images three times", "other numbers", "the same ones: an average")
    called, means = "kl_per_unit of a unit with mean 2 or -2 and variance 1", torch.tensor([[2.0], [-2.0], [2.0]])
    alone = kl_per_unit(called, means, torch.zeros(3, 1))
    if alone.shape != (1,) or not math.isclose(alone.item(), 2.0, rel_tol=1e-4):
        raise Wrong(called, told(alone) if alone.shape != (1,) else f"{alone.item():.4g}", "half of the squared mean")


@judged
def test_active_units(work):
    means = torch.randn(300, 5) * torch.tensor([1.0, 0.02, 0.6, 0.02, 0.4]) + torch.tensor([0.0, 2.0, 0.0, 0.0, 1.0])
    called = "active_units(mu) of 300 images; three units vary, one rests at 2 and one at 0"
    for threshold, right in ((0.01, 3), (0.25, 2), (4.0, 0)):
        asked = called if threshold == 0.01 else f"{called}; threshold {threshold:g}"
        found = work.ask(asked, work.module.active_units, means.clone(), threshold, wanted="a number of units")
        if found != right:
            raise Wrong(asked, f"{found}", "the number of units whose variance exceeds the threshold")


# --------------------------------------------------------------------------------------------------- what is drawn


class Echo:
    """A decoder that shows what it was handed: the code, then the label."""

    num_classes = 10

    def __init__(self, latent_dim):
        self.latent_dim = latent_dim

    def decode(self, z, labels_onehot):
        return torch.cat([z, labels_onehot, torch.zeros(len(z), 784 - z.shape[1] - labels_onehot.shape[1])], dim=1)


@judged
def test_latent_map(work):
    for digit, size, reach in ((3, 5, 2.0), (8, 4, 1.5)):
        called = f"latent_map(model, {digit}, size={size}, reach={reach:g})"
        found = work.ask(called, work.module.latent_map, Echo(2), digit, size=size, reach=reach, wanted="pictures")
        if not isinstance(found, torch.Tensor) or found.shape != (size, size, 28, 28):
            raise Wrong(called, told(found), f"a tensor of shape ({size}, {size}, 28, 28)")
        handed = found.reshape(size, size, 784)
        if (handed[..., 2:12].argmax(-1) != digit).any():
            raise Wrong(called, "pictures of another digit", "the digit that was asked for")
        first, second = handed[..., 0], handed[..., 1]
        corners = [round(float(part[place]), 2) for part in (first, second) for place in ((0, 0), (-1, -1))]
        grows = (first.diff(dim=1) > 0).all() and (second.diff(dim=0) > 0).all()
        if not grows or corners != [-reach, reach, -reach, reach]:
            got = f"codes from ({corners[0]}, {corners[2]}) at the top left to ({corners[1]}, {corners[3]})"
            raise Wrong(called, got, "the first unit growing to the right and the second downwards, from end to end")


@judged
def test_even_digits(work):
    for count, latent_dim in ((500, 16), (7, 5)):
        called = f"even_digits(model, {count}) of a model with {latent_dim} latent units"
        handed = work.ask(called, work.module.even_digits, Echo(latent_dim), count, wanted="images")
        if not isinstance(handed, torch.Tensor) or handed.shape != (count, 784):
            raise Wrong(called, told(handed), f"images of shape ({count}, 784)")
        codes, labels = handed[:, :latent_dim], handed[:, latent_dim : latent_dim + 10].argmax(1).tolist()
        counts = {digit: labels.count(digit) for digit in sorted(set(labels))}
        if any(digit % 2 for digit in counts):
            raise Wrong(called, f"labels and their numbers: {counts}", "even digits only")
        if len(codes.unique(dim=0)) < count:
            raise Wrong(called, "codes that are used more than once", "a code of its own for each image")
    codes = work.module.even_digits(Echo(16), 500)[:, :16]
    if abs(codes.mean()) > 0.1 or abs(codes.std() - 1) > 0.05 or not -0.3 < float((codes**3).mean()) < 0.3:
        got = f"codes with mean {float(codes.mean()):.2f} and deviation {float(codes.std()):.2f}"
        raise Wrong("even_digits(model, 500)", got, "codes of the prior")
    labels = work.module.even_digits(Echo(16), 500)[:, 16:26].sum(0)[::2]
    if not 40 <= float(labels.min()) <= float(labels.max()) <= 170:
        got = f"{labels.int().tolist()} images of 0, 2, 4, 6 and 8"
        raise Wrong("even_digits(model, 500)", got, "all five about equally often")


# ----------------------------------------------------------------------------------------------------- comparing runs


@judged
def test_compare_sizes(work):
    for losses, right in (
        ({2: 135.2, 16: 105.4, 64: 105.1}, 16),
        ({64: 108.0, 2: 109.0, 32: 104.9}, 32),
        ({64: 105.1, 16: 105.4, 2: 106.9, 32: 104.9}, 2),
    ):
        trained: list[int] = []

        def pretend(latent_dim, trained=trained):
            trained.append(latent_dim)
            return ("a model", latent_dim)

        def measure(model, losses=losses):
            return losses[model[1]]

        called = f"compare_sizes(train, measure, sizes={tuple(losses)}), where the losses are {losses}"
        wanted = "losses by size, and the smallest size that is at most 2 nats above the best"
        answer = work.ask(called, work.module.compare_sizes, pretend, measure, tuple(losses), wanted=wanted)
        if not isinstance(answer, tuple) or len(answer) != 2 or answer[0] != losses:
            raise Wrong(called, told(answer), wanted)
        if sorted(trained) != sorted(losses):
            raise Wrong(called, f"trained were the sizes {trained}", "each size trained once")
        if answer[1] != right:
            raise Wrong(called, f"{answer[1]}", wanted)


@judged
def test_enough_epochs(work):
    for losses, gain, right in (
        ([131.0, 118.0, 112.0, 110.2, 110.0, 110.9, 112.5], 0.5, 4),
        ([140.0, 121.0, 112.5, 113.4, 108.0, 109.1, 106.3, 107.0, 106.1, 106.0], 0.5, 7),
        ([140.0, 121.0, 112.5, 113.4, 108.0, 109.1, 106.3, 107.0, 106.1, 106.0], 7.0, 3),
        ([262.0, 244.6, 241.2, 240.4, 240.1, 239.8, 239.7], 0.5, 5),
        ([99.0], 0.5, 1),
    ):
        called = f"enough_epochs({losses}, gain={gain:g})"
        found = work.ask(called, work.module.enough_epochs, list(losses), gain, wanted="a number of epochs")
        if found != right:
            wanted = "the first epoch that is at most the gain above the best one; epochs are counted from 1"
            raise Wrong(called, f"{found}", wanted)


# ----------------------------------------------------------------------------------------------------------- training


class Watched(torch.nn.Module):
    """A model with two numbers to learn and no noise, that remembers which images it was shown."""

    def __init__(self):
        super().__init__()
        self.brightness, self.mean = (torch.nn.Parameter(torch.tensor(value)) for value in (0.3, 1.0))
        self.seen = []

    def forward(self, x, labels):
        self.seen.append(list(zip((x[:, 0] * 23).round().int().tolist(), labels.tolist(), strict=True)))
        return self.brightness.sigmoid().expand(x.shape), self.mean.expand(len(x), 2), torch.zeros(len(x), 2)


@judged
def test_train(work):
    images, labels = torch.rand(23, 784), torch.arange(23) % 10
    images[:, 0] = torch.arange(23) / 23
    called = "train(model, images, labels, epochs=3, batch_size=8) with 23 images"
    model = Watched()
    history = work.ask(called, work.module.train, model, images, labels, 3, 8, 0.0, wanted="a list of losses")
    if not isinstance(history, (list, tuple)) or len(history) != 3:
        raise Wrong(called, told(history), "a loss for each epoch")
    shown = [pair for batch in model.seen for pair in batch]
    everything = [(number, number % 10) for number in range(23)]
    epochs = [shown[:23], shown[23:46], shown[46:]]
    if any(sorted(epoch) != everything for epoch in epochs):
        raise Wrong(called, "images that were left out, doubled, or beside another label", "each image once an epoch")
    if epochs[0] == epochs[1]:
        raise Wrong(called, "the same order twice", "an order of its own for every epoch")
    guess = torch.tensor(0.3).sigmoid().expand(images.shape)
    right = float(torch.nn.functional.binary_cross_entropy(guess, images, reduction="sum")) / 23 + 1.0
    for loss in map(float, history):
        if not math.isclose(loss, right, rel_tol=1e-5):
            got = f"{loss:.6g} where nothing is learned, too {'small' if loss < right else 'large'}"
            raise Wrong(called, got, "the epoch's loss in nats per image, both terms of it")
    called = "train(model, images, labels, epochs=200, batch_size=23)"
    work.ask(called, work.module.train, model, images, labels, 200, 23, 0.02, wanted="a list of losses")
    if not abs(float(model.brightness.sigmoid().detach() - images.mean())) < 0.01:
        got = (
            f"a brightness of {float(model.brightness.sigmoid().detach()):.3f} for images of {float(images.mean()):.3f}"
        )
        raise Wrong(called, got, "a model that has learned the images' brightness")
    if not abs(float(model.mean.detach())) < 0.1:
        got = f"codes with a mean of {float(model.mean.detach()):.3g}, which nothing is drawn from"
        raise Wrong(called, got, "a mean that has gone to the prior's, since it costs and brings nothing")


@judged
def test_fashion(work):
    (images, labels), (unseen, kinds) = (read_set(work.folder, part, "FashionMNIST") for part in ("train", "t10k"))
    images, labels = images[:2000].flatten(1).float() / 255, labels[:2000]
    unseen, kinds = unseen[:500].flatten(1).float() / 255, kinds[:500]
    called = f"train(model, images, labels, epochs={EPOCHS}) on Fashion-MNIST"
    model = conditional_vae.ConditionalVAE(16)
    work.ask(called, work.module.train, model, images, labels, EPOCHS, BATCH, RATE, wanted="a trained model")
    with torch.no_grad():
        logits, *code = model.forward_logits(unseen, kinds)
        terms = conditional_vae.cvae_losses(logits, unseen, *code)
    reconstruction, kl = (float(term) / len(unseen) for term in terms)
    if not reconstruction + kl <= LIMIT or not kl >= 3:
        got = f"{reconstruction + kl:.1f} nats per unseen image, {kl:.1f} of them for the latent code"
        raise Wrong(called, got, f"at most {LIMIT:g}, of which the latent code carries at least 3")
