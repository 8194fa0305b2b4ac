"""What `grade` says of whole submissions: right ones, the starter, and mistakes that must cost their own task alone."""

import pytest

from graders import manifest
from graders.checks import bank

ENTRIES = bank.load("conditional_vae")
STARTER = (manifest.ROOT / "assignments" / "conditional_vae" / "cvae_starter.py").read_text()

# Each costs points in its own task and nowhere else but in training.
ALONE = [
    "encoder_label_forgotten",
    "encode_cat_rows",
    "encode_label_missing",
    "std_is_variance",
    "noise_uniform",
    "noise_shared_by_rows",
    "torch_normal_of_mean",
    "z_detached",
    "decode_code_lost",
    "decode_label_missing",
    "bce_mean",
    "bce_arguments_exchanged",
    "kl_twice",
    "kl_sign",
    "kl_mean",
]


def scores(report):
    return {task.id: task.score for task in report.tasks}


def statuses(report):
    return {task.id: task.status for task in report.tasks}


def test_the_reference_gets_all_points(grade, reference_text):
    report = grade(reference_text, train=True)
    assert report.outcome == "graded"
    assert (report.score, report.max_score) == (100.0, 100.0)
    assert set(statuses(report).values()) == {"right"}
    assert all(check.outcome == "passed" for task in report.tasks for check in task.checks)
    assert report.training["nats"] < report.training["limit"]


def test_the_starter_gets_none(grade):
    report = grade(STARTER, train=True)
    assert report.score == 0
    assert statuses(report) == dict.fromkeys(scores(report), "not_attempted") | {"training": "blocked"}
    assert report.tasks[-1].blocked_by == "encoder_dims"


@pytest.mark.parametrize("name", ALONE)
def test_a_mistake_costs_its_own_task_alone(name, grade, reference_text):
    mistake = next(entry for entry in ENTRIES.mistakes if entry.id == name)
    report = grade(mistake.source(reference_text))
    lost = {task.id for task in report.tasks if task.score < task.max_score}
    assert lost == {mistake.task, "training"}


@pytest.mark.parametrize("name", ["bce_mean", "kl_sign", "z_detached", "encoder_label_forgotten"])
def test_training_rejects_what_does_not_train(name, grade, reference_text):
    mistake = next(entry for entry in ENTRIES.mistakes if entry.id == name)
    report = grade(mistake.source(reference_text), train=True)
    training = report.tasks[-1]
    assert training.score == 0
    assert mistake.task in training.feedback


def test_open_gaps_leave_the_rest_gradable(grade, reference_text):
    text = reference_text.replace("nn.Linear(784 + num_classes, 256)", "nn.Linear(..., 256)")
    report = grade(text, train=True)
    assert statuses(report)["encoder_dims"] == "not_attempted"
    assert statuses(report)["training"] == "blocked"
    assert report.score == 100 - 10 - 15


def test_a_broken_constructor_costs_the_widths_alone(grade, reference_text):
    text = reference_text.replace("        super().__init__()\n", "")
    report = grade(text)
    lost = {task.id for task in report.tasks if task.score < task.max_score}
    assert lost == {"encoder_dims", "decoder_dims", "training"}


def test_points_of_the_checks_add_up_to_the_tasks(grade, reference_text, assignment):
    report = grade(reference_text)
    assert {task.id: task.score for task in report.tasks if task.id != "training"} == {
        task.id: task.points for task in assignment.tasks if task.id != "training"
    }


def test_the_same_file_gives_the_same_report(grade, reference_text):
    mistake = next(entry for entry in ENTRIES.mistakes if entry.id == "noise_uniform")

    def without_times():
        report = grade(mistake.source(reference_text))
        report.seconds = 0
        for task in report.tasks:
            for check in task.checks:
                check.seconds = 0
        return report.to_json()

    first = without_times()
    assert all(without_times() == first for _ in range(3))


def test_a_message_names_call_result_property_and_hint(grade, reference_text):
    report = grade(reference_text.replace("784 + num_classes", "784"))
    lines = report.tasks[0].feedback.splitlines()
    assert lines[0] == "Called: SimpleCVAE(latent_dim=16)"
    assert lines[1] == "Got: encoder_fc1 takes 784 inputs; image and one-hot label together are wider"
    assert [line.split(":")[0] for line in lines[2:4]] == ["Wanted", "Hint"]


def test_an_exception_shows_type_message_and_line(grade, reference_text):
    text = reference_text.replace("mu.pow(2)", "mu.power(2)")
    number = next(n for n, line in enumerate(text.splitlines(), 1) if "mu.power" in line)
    feedback = grade(text).tasks[6].feedback
    assert "raised AttributeError: 'Tensor' object has no attribute 'power'" in feedback
    assert f"(line {number}: `kl_loss = -0.5 * torch.sum(1 + logvar - mu.power(2)" in feedback
