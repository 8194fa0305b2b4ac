"""Check the work on the Challenge: run `pytest` in this folder, at any time.

Reads thickness.py, or thickness_starter.py where there is none, or the file that the environment variable
THICKNESS_FILE names. Each task is judged on its own: *not started* while all its `...` are still there, *begun* while
some are, otherwise *right* or *wrong*, and if wrong, what was called, what came back and what was wanted. The grader
asks for more of this.
"""

import challenge
import pytest
import torch
from cvae_checks import Half, Network, check_widths, pictures
from exercise import Exercise, Wrong, told
from images import read_set

EXERCISE = Exercise(__file__)
SIZES = {"num_digits": 10, "num_thicknesses": 3}
NETWORK = Network("ThicknessCVAE", {"digit": 10, "thickness": 3}, "digit, thickness", SIZES)
judged = EXERCISE.judged


@pytest.fixture(scope="session", autouse=True)
def work(request):
    return EXERCISE.begin(request.config)


def test_file(work):
    """The file can be imported and defines what the starter defines."""
    work.check_file()


# ----------------------------------------------------------------------------------------------------- the thickness


def bar(width, lying):
    image = torch.zeros(28, 28)
    image[3:25, 9 : 9 + width] = 1.0
    return image.T.contiguous() if lying else image


@judged
def test_stroke_width(work):
    def width(image, what):
        called, before = f"stroke_width(image) of {what}", image.clone()
        answer = work.ask(called, lambda: float(work.module.stroke_width(image)), wanted="one number")
        if not torch.equal(image, before):
            raise Wrong(called, "the image was overwritten", "an image that is left as it came")
        return called, answer

    for size in (2, 3, 4, 5, 6):
        for lying in (False, True):
            called, found = width(bar(size, lying), f"a {'lying' if lying else 'standing'} bar {size} pixels wide")
            if not abs(found - size) <= 0.1:
                raise Wrong(called, f"{found:.2f}", "the width of the bar, in pixels of the image that was handed over")
    for what, image in (
        ("a black image", torch.zeros(28, 28)),
        ("a faint bar", 0.3 * bar(4, False)),
        ("an evenly grey image", torch.full((28, 28), 0.8)),
    ):
        called, found = width(image, what)
        if found != 0:
            hint = "Which two questions does the handout ask before anything is measured?"
            raise Wrong(called, f"{found:.2f}", "0.0, for there are no strokes", hint)
    both = torch.maximum(bar(2, False), bar(6, False).roll(10, dims=1))
    called, found = width(both, "a bar of 2 pixels beside one of 6")
    if not 2.5 < found < 5.5:
        raise Wrong(called, f"{found:.2f}", "the average along both of them")
    digits = read_set(work.folder, "t10k")[0][:40].float() / 255
    called, found = "stroke_width(image) of 40 real digits", [width(digit, "a real digit")[1] for digit in digits]
    if not 2.3 < sum(found) / len(found) < 2.9:
        raise Wrong(called, f"{sum(found) / len(found):.2f} on average", "about 2.6 pixels on average")


@judged
def test_tercile_cuts(work):
    for count in (3000, 50):
        widths = 1.2 + 3.5 * torch.rand(count, dtype=torch.float64).square()
        called, before = f"tercile_cuts(widths) of {count} widths", widths.clone()
        answer = work.ask(called, work.module.tercile_cuts, widths, wanted="two numbers")
        answer = work.ask(called, lambda found=answer: [float(cut) for cut in found], wanted="two numbers")
        if not torch.equal(widths, before):
            raise Wrong(called, "the widths were overwritten", "widths that are left as they came")
        if len(answer) != 2 or not answer[0] <= answer[1]:
            raise Wrong(called, told(answer), "two widths, the smaller one first")
        counts = [int((widths < answer[0]).sum()), int((widths > answer[1]).sum())]
        counts.insert(1, count - sum(counts))
        if max(abs(part - count / 3) for part in counts) > 3:
            got = "{} widths below the first cut, {} between, {} above".format(*counts)
            raise Wrong(called, got, "equally many in all three classes")


@judged
def test_thickness_labels(work):
    for cuts in ((2.0, 3.0), (1.5, 1.8)):
        widths = 1.2 + 3.5 * torch.rand(200, dtype=torch.float64).square()
        called, before = f"thickness_labels(widths, {cuts}) of 200 widths", widths.clone()
        answer = work.ask(called, work.module.thickness_labels, widths, cuts, wanted="labels")
        if not isinstance(answer, torch.Tensor) or answer.shape != (200,) or answer.dtype != torch.int64:
            raise Wrong(called, told(answer), "an int64 tensor, one label for each width")
        if not torch.equal(widths, before):
            raise Wrong(called, "the widths were overwritten", "widths that are left as they came")
        for width, label in zip(widths.tolist(), answer.tolist(), strict=True):
            if label != sum(width > cut for cut in cuts):
                raise Wrong(called, f"{label} for a width of {width:.2f}", "0 for thin, 1 for medium, 2 for thick")


# --------------------------------------------------------------------------------------------------------- the model


@judged
def test_encoder_dims(work):
    check_widths(work, NETWORK, "encoder", other="decoder_dims")


@judged
def test_decoder_dims(work):
    check_widths(work, NETWORK, "decoder", other="encoder_dims")


@judged
def test_encode(work):
    Half(work, NETWORK, "encode", "x", ["mu", "logvar"], pictures).check()


@judged
def test_decode(work):
    Half(work, NETWORK, "decode", "z", ["the reconstruction"], lambda batch: torch.randn(batch, 5)).check()


@judged
def test_training(work):
    work.needs("stroke_width", "tercile_cuts", "thickness_labels")
    images, digits = (part[:6000] for part in read_set(work.folder, "train"))
    widths = challenge.measured(images, work.path)
    thicknesses = work.module.thickness_labels(widths, work.module.tercile_cuts(widths))
    called = "training on real digits"
    model = work.ask(called, challenge.train, work.module, images, digits, thicknesses, 5, wanted="a trained model")
    pictures = challenge.drawn(model, torch.randn(24, model.latent_dim))
    for digit, row in enumerate(pictures):
        found = torch.tensor([[work.module.stroke_width(image) for image in cell] for cell in row])
        means = [float(cell[cell > 0].mean()) if (cell > 0).any() else 0.0 for cell in found]
        if not means[0] < means[1] < means[2]:
            got = "strokes of {:.2f}, {:.2f} and {:.2f} pixels".format(*means)
            raise Wrong(f"{called}; then the digit {digit}, thin, medium and thick", got, "strokes that get thicker")
