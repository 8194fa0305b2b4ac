"""Every hidden check earns its place: each fails for a submission made for it. What is in the way of right answers,
the audit says."""

import pytest
from shipped import KIT

from cvaekit import bank
from cvaekit.grading.session import Session
from cvaekit.statistics import simulation
from cvaekit.submission.intake import Submission
from graders.conditional_vae import false_alarms

# Check id -> a wrong submission that it has to see: a mistake of the bank, or an (old, new) edit of the reference.
SEEN_BY = {
    "encoder_dims.first_layer": "encoder_label_forgotten",
    "encoder_dims.given_layers": "encoder_heads_fixed_width",
    "decoder_dims.first_layer": "decoder_latent_typed_in",
    "decoder_dims.given_layers": "decoder_redraws_label",
    "encode.first_layer": "encode_label_zeros",
    "encode.agrees": "encode_heads_exchanged",
    "encode.far_from_origin": "encode_logvar_clipped_late",
    "encode.label_matters": "encode_label_zeros",
    "encode.rows_independent": "encode_label_of_first_row",
    "encode.nothing_changed": ("return self.fc_mu(h), ", "x.zero_()\n        return self.fc_mu(h), "),
    "encode.gradients": "encode_hidden_detached",
    "reparameterize.gradient_of_mu": "mean_gradient_scaled",
    "reparameterize.gradient_of_logvar": "std_gradient_of_variance",
    "reparameterize.limit": ("torch.exp(0.5 * logvar)", "torch.exp(0.5 * logvar.clamp(-10, 10))"),
    "reparameterize.same_noise": "noise_depends_on_mean",
    "reparameterize.sizes": ("return z\n", "return z.squeeze(0)\n"),
    "reparameterize.inputs_unchanged": "mean_overwritten",
    "reparameterize.noise_is_standard_normal": "noise_shifted",
    "reparameterize.noise_is_fresh": "noise_antithetic",
    "decode.first_layer": "decode_label_zeros",
    "decode.agrees": "decode_no_sigmoid",
    "decode.far_from_origin": "decode_code_clipped_late",
    "decode.label_matters": "decode_label_zeros",
    "decode.rows_independent": "decode_label_of_first_row",
    "decode.nothing_changed": ("torch.sigmoid(", "z.zero_().sum() + torch.sigmoid("),
    "decode.gradients": "decode_code_detached",
    "reconstruction_loss.value": "bce_constant_offset",
    "reconstruction_loss.gradient": "bce_detached",
    "reconstruction_loss.adds_up": "bce_mean",
    "kl_loss.value": "kl_twice",
    "kl_loss.gradient": "kl_detached",
    "kl_loss.zero_at_prior": "kl_constant_two",
    "kl_loss.far_from_prior": ("- logvar.exp())", "- logvar.clamp(-4, 4).exp())"),
    "kl_loss.adds_up": "kl_per_image",
    "training.learns": "forward_decodes_noise",
    "training.forward": "forward_label_hidden_from_encoder",
    "training.own_weights": "constructor_fills_zeros",
}
# The same for checks of other assignments, which fail for mistakes that no other check of the task sees.
ALSO_SEEN_BY = {
    "explore_cvae": {
        "compare_sizes.choice": "sizes_margin_in_percent",
        "even_digits.all_five": "even_zero_half_as_often",
        "even_digits.one_digit_each": "even_label_softened",
        "train.every_batch": "train_short_batch_without_step",
    },
    "thickness_cvae": {
        "stroke_width.contrast": "width_half_maximum",
        "tercile_cuts.any_widths": "cuts_of_distinct_widths",
        "encode.far_from_origin": "encode_logvar_clipped",
        "decode.far_from_origin": "decode_code_clipped",
        "training.forward": "forward_thickness_not_encoded",
        "training.sample": "sample_of_variance",
        "training.own_weights": "constructor_fills_zeros",
    },
}
ADVICE = {"reparameterize.eval_mode"}  # costs nothing

BANK = bank.load(KIT.assignment("conditional_vae"))


def wrong(answer, reference):
    if isinstance(answer, str):
        return next(entry for entry in BANK.mistakes if entry.id == answer).source(reference)
    assert reference.count(answer[0]) == 1
    return reference.replace(*answer)


@pytest.mark.parametrize("check", SEEN_BY)
def test_a_check_sees_what_it_is_for(check, grade, reference_text):
    report = grade(wrong(SEEN_BY[check], reference_text), only=check.split(".")[0])
    found = next(found for task in report.tasks for found in task.checks if found.id == check)
    assert found.outcome == "failed", found.message


@pytest.mark.parametrize("name", ALSO_SEEN_BY)
def test_a_check_of_another_assignment_sees_what_no_other_does(name):
    assignment = KIT.assignment(name)
    mistakes = {entry.id: entry for entry in bank.load(assignment).mistakes}
    with Session(assignment) as session:
        for check, mistake in ALSO_SEEN_BY[name].items():
            source = mistakes[mistake].source(assignment.reference_text).encode()
            left_out = tuple(task.id for task in assignment.tasks if task.id != check.split(".")[0])
            report = session.grade(Submission("wrong", assignment.files[0], source), left_out=left_out)
            failed = [found.id for task in report.tasks for found in task.checks if found.outcome == "failed"]
            assert failed == [check], mistake


@pytest.mark.filterwarnings("ignore")  # those of the variants, which run in this process
@pytest.mark.parametrize("check", false_alarms.GIVEN)
def test_no_right_variant_fails_in_what_is_given(check):
    """An audit asks right variants nothing about training, which is slow; these two of its checks are not."""
    task, workers = false_alarms.ASSIGNMENT.task("training"), simulation.KeptWorkers(false_alarms.ASSIGNMENT)
    # dataclasses look a module up by its name, which one in this process does not have
    variants = [entry for entry in BANK.variants if entry.id != "dataclass_with_future_annotations"]
    about_training = [entry for entry in variants if entry.task == "training"]
    for entry in (*about_training, *variants[::5]):
        variant = Submission(entry.id, "cvae.py", entry.source(BANK.reference).encode())
        function, _ = false_alarms.GIVEN[check]
        assert not simulation.fails(function, task, false_alarms.ASSIGNMENT, variant, workers), entry.id


def test_every_check_is_in_the_table(grade, reference_text):
    found = {check.id for task in grade(reference_text, train=True).tasks for check in task.checks}
    assert found == SEEN_BY.keys() | ADVICE


# `model` is the probe's own, and may come back altered
TRAIN = "loop = train\ndef train(model, *more):\n    {}\n    losses = loop(model, *more)\n    {}\n    return losses"
HUGE = "model.register_forward_pre_hook(lambda _, rows: (rows[0] * 1e30, rows[1]))"
# Lines at the end of the reference, and the task that they are wrong in: what comes back cannot be used, and that is
# no fault of a probe or check.
ODD = {
    "conditional_vae": [
        ("kl_loss", "def cvae_loss(*tensors): return 10**400"),
        ("encode", "SimpleCVAE.encode = lambda self, *tensors: (torch.ones(2), None)"),
        ("decode", "SimpleCVAE.decode = lambda self, *tensors: torch.eye(3).to_sparse()"),
        ("reparameterize", "SimpleCVAE.reparameterize = lambda self, mu, logvar: mu.to(torch.complex64)"),
        ("training", "SimpleCVAE.zero_grad = lambda self: 1 / 0"),
        ("training", "loss = cvae_loss\ndef cvae_loss(*tensors): return loss(*tensors).to_sparse()"),
    ],
    "explore_cvae": [
        ("train", TRAIN.format(HUGE, "pass")),
        ("train", TRAIN.format("pass", "model.seen = [torch.tensor(3.0)]")),
        ("train", TRAIN.format("pass", "del model.parameter")),
    ],
}


@pytest.mark.parametrize("name", ODD)
def test_an_answer_that_cannot_be_used_is_graded(name):
    assignment = KIT.assignment(name)
    with Session(assignment) as session:
        for task, lines in ODD[name]:
            source = f"import torch\n{bank.solution(assignment)}\n\n{lines}\n".encode()
            left_out = tuple(other.id for other in assignment.tasks if other.id != task)
            report = session.grade(Submission("odd", assignment.files[0], source), left_out=left_out)
            assert report.outcome == "graded", (lines, report.tasks[0].feedback)
            found = next(found for found in report.tasks if found.id == task)
            assert found.score < found.max_score, lines
