"""Wrong answers that are no known mistake's are explained by what was computed, and exceptions by what was raised."""

import re

import pytest
from shipped import KIT

from cvaekit import bank
from cvaekit.grading.session import Session
from cvaekit.submission.intake import Submission

KL = "-0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())"
BCE = 'F.binary_cross_entropy(reconstruction, original, reduction="sum")'
CODE = "combined = torch.cat([x, labels_onehot], dim=1)"

# What takes the place of the KL term, and words of the hint
KL_TERMS = {
    "-0.5 * torch.sum(1 + logvar - mu.pow(3) - logvar.exp())": ["odd power"],
    "0.5 * torch.sum(mu * 2 + torch.exp(logvar) - 1 - logvar)": ["mu enters with its sign"],
    "-0.5 * torch.sum(1 + logvar - 2 * mu.pow(2) - logvar.exp())": ["What mu contributes has another weight"],
    "-0.5 * torch.sum(1 + logvar + 3 * mu.pow(2) - 2 * logvar.exp())": ["What mu contributes", "What the variance"],
    "-0.3 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())": ["the whole has another weight"],
    "-0.5 * torch.sum(1 + logvar - mu.abs() - (logvar / 2).exp())": ["by its distance", "A standard deviation stands"],
    "-0.5 * torch.sum(1 + logvar - mu.clamp(max=1.1).pow(2) - logvar.exp())": ["Is a limit put on mu"],
    "-0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.sin().exp())": ["mu contributes is right; what logvar"],
    "-0.5 * torch.sum(1 + logvar - mu.sin() - logvar.exp())": ["logvar and the variance contribute is right"],
    "torch.sum(torch.relu(0.5 * (mu.pow(2) + logvar.exp() - 1 - logvar) - 1))": ["Write the term for one image"],
    "-0.1 * torch.mean(1 + 2 * logvar - mu.pow(2) - logvar.exp(), dim=0).sum()": ["averaged over the images"],
}
RECONSTRUCTIONS = {
    f"3 * {BCE}": ["another weight"],
    "7 * F.mse_loss(reconstruction, original, reduction='sum')": ["compared as numbers"],
    "5 * F.l1_loss(reconstruction, original, reduction='sum')": ["Only the distance of a guess counts"],
    BCE.replace("reconstruction,", "reconstruction.clamp(max=0.596),"): ["Is a limit put on it"],
    BCE.replace("original,", "original.clamp(max=0.6),"): ["follows the truth"],
    BCE.replace("reconstruction, original", "reconstruction[:, :700], original[:, :700]"): ["Some pixels cost nothing"],
    BCE.replace("reconstruction, original", "reconstruction[:2], original[:2]"): ["Some images of the batch"],
    f"{BCE} + {BCE}".replace("original,", "original, weight=torch.arange(784) // 392,", 1): ["not all count alike"],
}
INPUTS = {
    "-x, labels_onehot": ["the image came with the opposite sign", "What is done to them before?"],
    "x + 0.1, labels_onehot": ["came on another scale, or moved"],
    "x.clamp(max=0.75), labels_onehot": ["the image was cut off at a limit"],
    "x, labels_onehot.clamp(min=0.4)": ["the label was cut off at a limit"],
    "x.roll(1, 1), labels_onehot": ["the image has its columns in another order"],
    "x[torch.arange(len(x)) - 1], labels_onehot": ["the image is that of other rows"],
    "x, labels_onehot.argmax(1, keepdim=True).expand(-1, 10) / 7": ["the label holds one number in all of its columns"],
}
# Lines in front of the answer of encode, the exception that they raise, and words of the hint
RAISES = {
    "self.encoder_fc2(x)": ["RuntimeError", "another width than it takes"],
    "x * torch.ones(3)": ["RuntimeError", "whose shapes do not go together"],
    "torch.cat([x, labels_onehot.long().T], dim=1)": ["RuntimeError", "Along which axis"],
    "x.view(3, -5, 2)": ["RuntimeError", "as many numbers as the old one"],
    "torch.zeros(4 - 784)": ["RuntimeError", "below zero"],
    "self.encoder_fc1(torch.cat([x, labels_onehot], dim=1).double())": ["RuntimeError", "number types"],
    "float(x)": ["Error", "One number is wanted"],
    "x.size(9)": ["IndexError", "How many axes"],
    "[x][4]": ["IndexError", "What can be looked up"],
    "torch.cat(x, labels_onehot, 1, 2)": ["TypeError", "arguments"],
    "x(labels_onehot)": ["TypeError", "What kind of thing"],
    "torch.distributions.Normal(0.0, -1.0).sample()": ["ValueError", "spread that is positive"],
    "torch.ones(3, requires_grad=True).add_(1)": ["RuntimeError", "Which line does that?"],
    "F.binary_cross_entropy(x - 9, x)": ["RuntimeError", "no probability"],
    "lables": ["NameError", "spelled the same"],
    "x.encode()": ["AttributeError", "a method of a tensor"],
    "1 / 0": ["ZeroDivisionError", "Which number is zero"],
    "(_ for _ in ()).throw(ArithmeticError('odd'))": ["ArithmeticError", "from this line"],
}


def feedback(grade, source, task):
    report = next(found for found in grade(source, only=task).tasks if found.id == task)
    assert (report.status, report.mistake) == ("wrong", None), report.feedback
    return report.feedback


def hint(text):
    return next(line for line in text.splitlines() if line.startswith("Hint: "))


def changed(text, old, new):
    assert text.count(old) == 1
    return text.replace(old, new)


@pytest.mark.parametrize("term", KL_TERMS)
def test_what_a_kl_term_computes(term, grade, reference_solution):
    text = feedback(grade, changed(reference_solution, KL, term), "kl_loss")
    for words in KL_TERMS[term]:
        assert words in hint(text)


@pytest.mark.parametrize("term", RECONSTRUCTIONS)
def test_what_a_reconstruction_term_computes(term, grade, reference_solution):
    text = feedback(grade, changed(reference_solution, BCE, term), "reconstruction_loss")
    for words in RECONSTRUCTIONS[term]:
        assert words in hint(text)


@pytest.mark.parametrize("parts", INPUTS)
def test_what_reached_the_first_layer(parts, grade, reference_solution):
    text = feedback(grade, changed(reference_solution, CODE, f"combined = torch.cat([{parts}], dim=1)"), "encode")
    for words in INPUTS[parts]:
        assert words in text


@pytest.mark.parametrize("expression", RAISES)
def test_an_exception_is_explained_by_itself(expression, grade, reference_solution, assignment):
    text = feedback(grade, changed(reference_solution, CODE, f"combined = {expression}"), "encode")
    kind, words = RAISES[expression]
    assert re.search(rf"raised \w*{kind}", text)
    assert words in hint(text)
    assert assignment.task("encode").hint not in text


@pytest.mark.parametrize(
    ("old", "new", "task", "words"),
    [
        ("mu.pow(2) - logvar.exp()) / len", "3 * mu.pow(2) - logvar.exp()) / len",
         "nats_per_image", "What mu contributes"),
        ("(1 + logvar - mu.pow(2) - logvar.exp()).mean", "(1 + logvar - mu.pow(2) - 4 * logvar.exp()).mean",
         "kl_per_unit", "What the variance contributes has another weight"),
        ("(1 + logvar - mu.pow(2) - logvar.exp()).mean", "(1 + logvar - mu.pow(2) - logvar.sin().exp()).mean",
         "kl_per_unit", "Is the number right for one image and one unit?"),
    ],
)  # fmt: skip
def test_what_the_other_assignment_computes(old, new, task, words, explore):
    source = changed(bank.solution(explore.assignment), old, new).encode()
    left_out = tuple(other.id for other in explore.assignment.tasks if other.id != task)
    report = explore.grade(Submission("m", explore.assignment.files[0], source), left_out=left_out)
    found = next(found for found in report.tasks if found.id == task)
    assert (found.status, found.mistake) == ("wrong", None)
    assert words in hint(found.feedback)


@pytest.fixture(scope="module")
def explore():
    with Session(KIT.assignment("explore_cvae")) as session:
        yield session


def test_a_faulty_explanation_costs_no_mark_and_is_reported(grade, reference_solution, monkeypatch, capfd):
    from graders.conditional_vae import explanations

    monkeypatch.setitem(explanations.EXPLANATIONS, "kl_loss", lambda exchanges: 1 / 0)
    text = feedback(grade, changed(reference_solution, KL, f"0.3 * {KL}"), "kl_loss")
    assert text.startswith("Called: cvae_loss")
    assert "ZeroDivisionError" in capfd.readouterr().err
