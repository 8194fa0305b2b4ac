"""Every hidden check earns its place: each fails for a submission made for it. What is in the way of right answers,
the audit says."""

from functools import cache

import pytest

from graders import digits
from graders.checks import bank
from graders.checks.many import grade_many
from graders.report.model import Report
from graders.submission.intake import Submission

# Check id -> a wrong submission that it has to see: a mistake of the bank, or an (old, new) edit of the reference.
SEEN_BY = {
    "encoder_dims.first_layer": "encoder_label_forgotten",
    "encoder_dims.given_layers": "encoder_heads_fixed_width",
    "decoder_dims.first_layer": "decoder_latent_typed_in",
    "decoder_dims.given_layers": "decoder_redraws_label",
    "encode.first_layer": "encode_label_zeros",
    "encode.agrees": "encode_heads_exchanged",
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
}
ADVICE = {"reparameterize.eval_mode"}  # costs nothing

BANK = bank.load("conditional_vae")


@pytest.fixture(scope="module")
def checks(grade):
    """(submission's text, whether it is trained) -> {check id: check}; each is graded once."""

    @cache
    def checks(text, train=False):
        return {check.id: check for task in grade(text, train).tasks for check in task.checks}

    return checks


def wrong(answer, reference):
    if isinstance(answer, str):
        return next(entry for entry in BANK.mistakes if entry.id == answer).source(reference)
    assert reference.count(answer[0]) == 1
    return reference.replace(*answer)


def without_times(report: Report):
    report.seconds = 0
    for task in report.tasks:
        for check in task.checks:
            check.seconds = 0
    return report.to_json()


@pytest.mark.parametrize("check", SEEN_BY)
def test_a_check_sees_what_it_is_for(check, checks, reference_text):
    found = checks(wrong(SEEN_BY[check], reference_text), check.startswith("training."))
    assert found[check].outcome == "failed", found[check].message


def test_every_check_is_in_the_table(checks, reference_text):
    assert checks(reference_text, True).keys() == SEEN_BY.keys() | ADVICE


@pytest.mark.slow
def test_the_reference_gets_the_same_report_every_time(grade, assignment, sandbox, reference_text):
    assert len({without_times(grade(reference_text)) for _ in range(4)}) == 1
    trained = [Submission("cvae.py", "cvae.py", reference_text.encode())] * 3
    reports = [report for _, report in grade_many(trained, assignment, sandbox, jobs=2, data=digits.load())]
    assert [report.outcome for report in reports] == ["graded"] * 3
    assert len({without_times(report) for report in reports}) == 1
