"""Check the work on the Challenge: run `pytest` in this folder, at any time.

Reads thickness.py, or thickness_starter.py where there is none, or the file that the environment variable
THICKNESS_FILE names. Each task is judged on its own: *not started* while a `...` of it is still there, otherwise
*right* or *wrong*, and if wrong, what was called, what came back and what was wanted. The grader asks for more of this.
"""

import challenge
import pytest
import torch
import torch.nn.functional as F
from exercise import Exercise, Task, Wrong, find_work, read_set, told
from torch import nn

pytestmark = pytest.mark.filterwarnings("ignore")  # a warning costs nothing here

TASKS = {
    "stroke_width": Task(
        20,
        "stroke_width",
        ("visible", "enlarged", "ink", "skeleton", "distance", "width"),
        "On its middle line, a stroke reaches equally far to both sides; and you measured an enlarged image.",
    ),
    "tercile_cuts": Task(
        10,
        "tercile_cuts",
        ("low", "high"),
        "Count the images on each side of a cut: the three classes should hold equally many of them.",
    ),
    "thickness_labels": Task(
        10,
        "thickness_labels",
        ("labels",),
        "Two cuts make three classes, numbered from thin to thick; the cuts are handed over and stay as they are.",
    ),
    "encoder_dims": Task(
        10,
        "__init__",
        ("encoder_fc1",),
        "Count everything that is laid side by side in front of the first encoder layer: there are three parts now.",
    ),
    "decoder_dims": Task(
        10,
        "__init__",
        ("decoder_fc1",),
        "What the decoder is not told of, it cannot draw; and the size of the latent code is up to the caller.",
    ),
    "encode": Task(
        10,
        "encode",
        ("combined",),
        "Every row should get longer by its own two conditions; the number of rows stays what it was.",
    ),
    "decode": Task(
        10, "decode", ("combined",), "The decoder works from the sampled code and both conditions, row by row."
    ),
    "training": Task(
        20,
        "forward",
        (),
        "Ask for the same digit with the same latent code, thin and thick: does anything else reach the decoder?",
    ),
}
EXERCISE = Exercise("The Challenge", "thickness", TASKS)
judged = EXERCISE.judged


@pytest.fixture(scope="session", autouse=True)
def work(request):
    return EXERCISE.begin(request)


def test_file(work):
    """The file can be imported."""
    if work.problem:
        pytest.fail(work.problem, pytrace=False)


# ----------------------------------------------------------------------------------------------------- the thickness


def bar(width, lying):
    image = torch.zeros(28, 28)
    image[3:25, 9 : 9 + width] = 1.0
    return image.T.contiguous() if lying else image


@judged
def test_stroke_width(work):
    def width(image, what):
        called, before = f"stroke_width(image) of {what}", image.clone()
        answer = work.ask(called, lambda: float(work.module.stroke_width(image)), "one number")
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
    digits = read_set("t10k")[0][:40].float() / 255
    called, found = "stroke_width(image) of 40 real digits", [width(digit, "a real digit")[1] for digit in digits]
    if not 2.3 < sum(found) / len(found) < 2.9:
        raise Wrong(called, f"{sum(found) / len(found):.2f} on average", "about 2.6 pixels on average")


@judged
def test_tercile_cuts(work):
    for count in (3000, 50):
        widths = 1.2 + 3.5 * torch.rand(count, dtype=torch.float64).square()
        called, before = f"tercile_cuts(widths) of {count} widths", widths.clone()
        answer = work.ask(
            called, lambda given=widths: tuple(map(float, work.module.tercile_cuts(given))), "two numbers"
        )
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
        answer = work.ask(called, lambda given=widths, at=cuts: work.module.thickness_labels(given, at), "labels")
        if not isinstance(answer, torch.Tensor) or answer.shape != (200,) or answer.dtype != torch.int64:
            raise Wrong(called, told(answer), "an int64 tensor, one label for each width")
        if not torch.equal(widths, before):
            raise Wrong(called, "the widths were overwritten", "widths that are left as they came")
        for width, label in zip(widths.tolist(), answer.tolist(), strict=True):
            if label != sum(width > cut for cut in cuts):
                raise Wrong(called, f"{label} for a width of {width:.2f}", "0 for thin, 1 for medium, 2 for thick")


# --------------------------------------------------------------------------------------------------------- the model


def conditions(batch):
    """One-hot codes of random digits (batch, 10) and thicknesses (batch, 3)."""
    digit, thickness = torch.randint(10, (batch,)), torch.randint(3, (batch,))
    return F.one_hot(digit, 10).float(), F.one_hot(thickness, 3).float()


BELONGS = {"encoder": ("encoder", "fc_"), "decoder": ("decoder",)}
GIVEN = {  # inputs and outputs of the layers that the starter gives; None stands for the latent size
    "encoder": {"encoder_fc2": (256, 128), "fc_mu": (128, None), "fc_logvar": (128, None)},
    "decoder": {"decoder_fc2": (128, 256), "decoder_fc3": (256, 784)},
}


def model_with_layers(work, latent_dim=5):
    """A model whose layers fit, so that a faulty constructor costs nothing here."""
    kind = work.ask("ThicknessCVAE", lambda: work.module.ThicknessCVAE, "a class")
    model = kind.__new__(kind)
    nn.Module.__init__(model)
    model.latent_dim, model.num_digits, model.num_thicknesses = latent_dim, 10, 3
    more = sum(part.shape[1] for part in conditions(1))
    sides = {"encoder_fc1": (784 + more, 256), "decoder_fc1": (latent_dim + more, 128)}
    for given in GIVEN.values():
        sides |= {name: (inputs, outputs or latent_dim) for name, (inputs, outputs) in given.items()}
    for name, (inputs, outputs) in sides.items():
        layer = nn.Linear(inputs, outputs)
        with torch.no_grad():
            layer.weight.copy_(torch.randn(outputs, inputs) * (2 / inputs) ** 0.5)
            if name in ("encoder_fc1", "decoder_fc1"):
                layer.weight[:, -more:] *= 4  # few columns among hundreds would hardly be seen otherwise
        setattr(model, name, layer)
    return model


def widths_of(work, half, parts):
    """The first layer of a half reads as many numbers as its parts have, for any latent size; the others are given."""
    first = f"{half}_fc1"
    for latent_dim in (16, 2, 5):
        called = f"ThicknessCVAE(latent_dim={latent_dim})"
        original = nn.Linear.__init__  # the other half's layer may still be open, and `...` is no width

        def lenient(self, *sizes, original=original, **more):
            sizes = [1 if size is ... else size for size in sizes]
            original(self, *sizes, **{name: 1 if value is ... else value for name, value in more.items()})

        nn.Linear.__init__ = lenient
        try:
            model = work.ask(called, lambda size=latent_dim: work.module.ThicknessCVAE(latent_dim=size), "a model")
        finally:
            nn.Linear.__init__ = original
        found = getattr(getattr(model, first, None), "in_features", None)
        example = torch.cat([*parts(latent_dim), *conditions(1)], dim=1)
        if found != example.shape[1]:
            relation = "more" if found is not None and found < example.shape[1] else "fewer"
            got = f"no layer {first}" if found is None else f"{first} takes {found} inputs; there are {relation}"
            raise Wrong(called, got, f"{first} with an input for every number that it reads")
        mine = {name: layer for name, layer in model.named_modules() if name.startswith(BELONGS[half])}
        given = {name: (inputs, outputs or latent_dim) for name, (inputs, outputs) in GIVEN[half].items()}
        for name, layer in mine.items():
            sizes = (getattr(layer, "in_features", None), getattr(layer, "out_features", None))
            if name != first and given.get(name) != sizes:
                got = f"a layer {name} of sizes {sizes}"
                raise Wrong(called, got, "the starter's layers, and none besides", "Which layer was left to you?")


@judged
def test_encoder_dims(work):
    widths_of(work, "encoder", lambda latent_dim: [torch.zeros(1, 784)])


@judged
def test_decoder_dims(work):
    widths_of(work, "decoder", lambda latent_dim: [torch.zeros(1, latent_dim)])


def half(work, method, argument, first, rows, width):
    """What encode and decode have in common: three parts reach the first layer in order, and each of them matters."""
    model, parts = model_with_layers(work), [rows, *conditions(len(rows))]
    called = f"{method}({argument}, digit, thickness) with {argument} of shape {tuple(rows.shape)}"
    right = [[*a, *b, *c] for a, b, c in zip(*(part.tolist() for part in parts), strict=True)]

    def watch(layer, arguments):
        given = arguments[0]
        if given.shape != (len(rows), len(right[0])):
            raise Wrong(called, f"{first} was handed {told(given)}", f"rows of {argument}, digit and thickness")
        if not torch.allclose(given.detach(), torch.tensor(right)):
            wanted = f"each row of {argument}, then its digit, then its thickness"
            raise Wrong(called, f"{first} was handed something else of the same length", wanted)

    def ask(parts):
        answer = work.ask(called, lambda: getattr(model, method)(*parts))
        outputs = list(answer) if isinstance(answer, (tuple, list)) else [answer]
        if any(not isinstance(o, torch.Tensor) or o.shape != (len(parts[0]), width) for o in outputs):
            raise Wrong(called, ", ".join(map(told, outputs)), f"rows of {width} numbers")
        return outputs

    hook = getattr(model, first).register_forward_pre_hook(watch)
    before = [part.clone() for part in parts]
    leaves = [part.clone().requires_grad_() for part in parts]
    outputs = ask([leaf * 1.0 for leaf in leaves])
    ask(parts)
    hook.remove()
    if not all(map(torch.equal, parts, before)):
        raise Wrong(called, "its inputs were overwritten", "inputs that are left as they came")
    sum(output.sum() for output in outputs).backward()
    if any(leaf.grad is None or not leaf.grad.any() for leaf in leaves):
        raise Wrong(f"backward through {called}", "no gradient for an input", "gradients for all three")


@judged
def test_encode(work):
    half(work, "encode", "x", "encoder_fc1", torch.rand(7, 784), 5)


@judged
def test_decode(work):
    half(work, "decode", "z", "decoder_fc1", torch.randn(7, 5), 784)


@judged
def test_training(work):
    if any(work.states.get(task) != "right" for task in TASKS if task != "training"):
        work.wait("training", "waits for the tasks above")
    images, digits = (part[:6000] for part in read_set("train"))
    widths = challenge.measured(images, find_work("thickness"))
    thicknesses = work.module.thickness_labels(widths, work.module.tercile_cuts(widths))
    called = "training on real digits"
    model = work.ask(called, lambda: challenge.train(work.module, images, digits, thicknesses, 5), "a trained model")
    pictures = challenge.drawn(model, torch.randn(24, model.latent_dim))
    for digit, row in enumerate(pictures):
        found = torch.tensor([[work.module.stroke_width(image) for image in cell] for cell in row])
        means = [float(cell[cell > 0].mean()) if (cell > 0).any() else 0.0 for cell in found]
        if not means[0] < means[1] < means[2]:
            got = "strokes of {:.2f}, {:.2f} and {:.2f} pixels".format(*means)
            raise Wrong(f"{called}; then the digit {digit}, thin, medium and thick", got, "strokes that get thicker")
