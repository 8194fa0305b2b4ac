"""The stroke widths that the kit ships are those that its recipe measures, and the recipe is right on known strokes."""

import pytest
import torch

from graders.cvae import images as images_of_the_kit
from graders.thickness_cvae import drawing, inputs, measure
from reference.thickness_cvae.thickness import ThicknessCVAE, stroke_width, tercile_cuts


def test_shipped_widths_are_the_measured_ones():
    kit = images_of_the_kit.shipped()
    for images, widths in zip((kit.train_images, kit.test_images), measure.shipped(), strict=True):
        assert len(widths) == len(images)
        chosen = torch.linspace(0, len(images) - 1, 60).long()
        found = measure.measured(images[chosen], "some")
        assert float((found - widths[chosen]).abs().max()) < measure.TOLERANCE


def test_classes_are_thirds_of_the_training_images():
    train, test = measure.classes()
    assert train.bincount().tolist() == [2000, 2000, 2000]
    assert min(test.bincount()) > 200  # cut at the training images' terciles, so not in equal parts
    low, high = tercile_cuts(measure.shipped()[0])
    assert 2.0 < low < high < 3.0


@pytest.mark.parametrize("lying", [False, True])
@pytest.mark.parametrize("width", [2, 3, 4, 5, 6])
def test_bars_measure_what_they_are(width, lying):
    assert abs(stroke_width(inputs.bar(width, 9, 22, lying=lying)) - width) < 0.05


def test_a_model_that_draws_nothing_has_no_widths():
    model = ThicknessCVAE(2)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        model.decoder_fc3.bias.fill_(-5.0)
    assert drawing.drawn_widths(model, 2, 2).abs().max() == 0


def test_drawn_strokes_are_measured_almost_as_the_recipe_does():
    widths = measure.shipped()[1]
    found = drawing.stroke_widths(images_of_the_kit.shipped().test_images.reshape(-1, 28, 28))
    assert float((found - widths).abs().mean()) < 0.15
    assert float(torch.corrcoef(torch.stack([found, widths]))[0, 1]) > 0.97


def test_an_even_or_a_dark_image_has_no_drawn_strokes():
    assert drawing.stroke_widths(torch.stack([torch.ones(28, 28), 0.4 * inputs.bar(3, 9, 22)])).tolist() == [0, 0]
