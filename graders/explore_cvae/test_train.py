"""Task train: watched through a model with three numbers to learn and no noise, so that every step is known."""

import math
from itertools import pairwise

import pytest
import torch

from cvaekit.compare import close
from cvaekit.grading.failure import Failure
from graders.cvae.network import generator
from graders.explore_cvae import inputs

IMAGES, EPOCHS, BATCH = 23, 3, 8  # the last batch has 7 images
RATE = 0.05
START = torch.tensor([0.3, 0.5, -0.4])  # of the watched model: every pixel's logit, every unit's mu and logvar
FAR = (torch.tensor([-2.0, -4.5, 5.5]), torch.tensor([2.5, 6.0, -9.0]))  # where a limit on one of them shows


def example(count):
    """Images (count, 784) whose first pixel tells them apart, and labels."""
    source = generator(73)
    images = torch.rand(count, 784, generator=source)
    images[:, 0] = torch.arange(count) / count
    return images, torch.arange(count) % 10


def run(submission, count=IMAGES, epochs=EPOCHS, batch=BATCH, rate=RATE, start=START):
    images, labels = example(count)
    called = f"train(model, images, labels, epochs={epochs}, batch_size={batch}) with {count} images"
    answer = submission.ask(
        "loop", called, wanted="a list of losses", images=images, labels=labels, start=start, epochs=epochs,
        batch=batch, learning_rate=rate,
    )  # fmt: skip
    return called, answer


def shown(called, answer):
    """The images that each epoch showed, by their first pixels, and their labels: (EPOCHS, IMAGES) int64 each."""
    batches = [batch.flatten().double().nan_to_num() for batch in answer["seen"]]
    pixels = torch.cat([torch.zeros(0), *(batch[: len(batch) // 2] for batch in batches)])
    labels = torch.cat([torch.zeros(0), *(batch[len(batch) // 2 :] for batch in batches)])
    if not len(pixels) == len(labels) == IMAGES * EPOCHS:
        got = f"{len(pixels)} images went through the model in {EPOCHS} epochs"
        raise Failure(called, got, "each image once in every epoch", "Does each batch go through the model once?")
    numbers = (pixels * IMAGES).round().clamp(-1e9, 1e9).long()  # whatever the submission made of the pixels
    return numbers.reshape(EPOCHS, IMAGES), labels.long().reshape(EPOCHS, IMAGES)


@pytest.mark.core
@pytest.mark.points(3)
def test_each_image_once(submission):
    """Every epoch shows every image once, with its own label, the last ones too."""
    called, answer = run(submission)
    numbers, labels = shown(called, answer)
    if any(sorted(epoch.tolist()) != list(range(IMAGES)) for epoch in numbers):
        raise Failure(called, "images that were left out, and others shown twice", "each image once in every epoch")
    if not torch.equal(labels, numbers % 10):
        raise Failure(called, "images beside labels of other images", "each image with its own label")


@pytest.mark.points(2)
def test_shuffled(submission):
    """Every epoch has an order of its own."""
    called, answer = run(submission)
    numbers, _ = shown(called, answer)
    if any(torch.equal(one, other) for one, other in pairwise(numbers)):
        raise Failure(called, "the same order twice", "an order of its own for every epoch")


@pytest.mark.core
@pytest.mark.points(4)
def test_history(submission):
    """Every epoch's loss is in nats per image, whatever the batches are."""
    images, _ = example(IMAGES)
    for batch, start in ((BATCH, START), (23, START), (5, START), *((BATCH, far) for far in FAR)):
        guess, (mu, logvar) = start[0].sigmoid().expand(IMAGES, 784), start[1:]
        right = sum(inputs.terms([guess, images, mu.expand(IMAGES, 2), logvar.expand(IMAGES, 2)]))
        called, answer = run(submission, epochs=2, batch=batch, rate=0.0, start=start)
        if len(answer["history"]) != 2:
            raise Failure(called, f"{len(answer['history'])} losses", "one loss for each epoch")
        for loss in answer["history"]:
            if not math.isclose(loss, right, rel_tol=1e-5):
                relation = "small" if loss < right else "large"
                got = f"{loss:.6g} where nothing was learned yet, too {relation}"
                hint = "The last batch is not full. Which number of images belongs to the sum of an epoch?"
                if start is not START:
                    hint = "The loss is right near the prior, and not for codes far from it. Where is a limit put?"
                raise Failure(called, got, "the epoch's loss in nats per image", hint if _near(loss, right) else None)


def _near(loss, right):
    return math.isclose(loss, right, rel_tol=0.5)


@pytest.mark.core
@pytest.mark.points(3)
def test_steps(submission):
    """A batch is a step of Adam along the gradient of its loss."""
    called, answer = run(submission, epochs=4, batch=IMAGES)  # all images in one batch: their order does not matter
    _compare(called, answer, _trained([torch.arange(IMAGES)] * 4), 2e-3)


@pytest.mark.points(2)
def test_every_batch(submission):
    """Every batch is a step of its own, the last one of an epoch too, which is not full."""
    called, answer = run(submission)
    shown(called, answer)
    batches = [(batch.flatten()[: len(batch) // 2] * IMAGES).round().long() for batch in answer["seen"]]
    if any(len(batch) == 0 or batch.min() < 0 or batch.max() >= IMAGES for batch in batches):
        raise Failure(called, "other images than were handed over", "the images as they are, each once in every epoch")
    # A loss per image moves the numbers by 0.002, since batches differ in size; a step left out, by 0.1.
    _compare(called, answer, _trained(batches), 0.1)


@pytest.mark.points(1)
def test_nothing_changed(submission):
    """Images and labels are left as they came."""
    called, answer = run(submission, epochs=1)
    for name, after, before in zip(("images", "labels"), answer["after"], example(IMAGES), strict=True):
        if not torch.equal(after, before):
            raise Failure(called, f"{name} was overwritten", "tensors that are left as they came")


def _compare(called, answer, right, tolerance):
    if not close(answer["parameter"], right, tolerance):
        still = close(answer["parameter"], START, 1e-6)
        got = "a model that has not changed" if still else "a model that went another way"
        hint = (
            "Three lines make a step: one forgets the last gradient, one computes the new one, one moves the weights."
        )
        raise Failure(called, got, "a step of Adam for every batch, along the gradient of the loss", hint)


def _trained(batches):
    """Where the watched model's three numbers are after a step of Adam for each batch of numbers of images."""
    images, _ = example(IMAGES)
    parameter = START.clone().requires_grad_()
    optimizer = torch.optim.Adam([parameter], lr=RATE)
    for batch in batches:
        guess = parameter[0].sigmoid().expand(len(batch), 784)
        loss = torch.nn.functional.binary_cross_entropy(guess, images[batch], reduction="sum")
        kl = -0.5 * (1 + parameter[2] - parameter[1].square() - parameter[2].exp()) * 2 * len(batch)
        optimizer.zero_grad()
        (loss + kl).backward()
        optimizer.step()
    return parameter.detach()
