"""What `grade` says of whole submissions: right, untouched, half done and broken ones. What each mistake of the bank
costs, the audit says."""

from shipped import KIT, ROOT

from cvaekit import bank
from cvaekit.submission.intake import Submission

ENTRIES = bank.load(KIT.assignment("conditional_vae"))
STARTER = (ROOT / "assignments" / "conditional_vae" / "cvae_starter.py").read_text()


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
    [nats, kl] = report.tasks[-1].metrics
    assert nats.value < nats.limit
    assert kl.value > kl.limit


def test_the_starter_gets_none(grade):
    report = grade(STARTER, train=True)
    assert report.score == 0
    assert statuses(report) == dict.fromkeys(scores(report), "not_attempted") | {"training": "blocked"}
    assert report.tasks[-1].blocked_by == "encoder_dims"


def test_training_rejects_what_does_not_train_and_says_what_to_repair_first(grade, reference_text):
    mistake = next(entry for entry in ENTRIES.mistakes if entry.id == "bce_mean")
    training = grade(mistake.source(reference_text), train=True).tasks[-1]
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


def test_the_same_file_gives_the_same_report(session, reference_text):
    """In one process after the other, beside others, and with the training run."""
    mistake = next(entry for entry in ENTRIES.mistakes if entry.id == "noise_uniform").source(reference_text)
    twice = [Submission("cvae.py", "cvae.py", text.encode()) for text in (mistake, reference_text)] * 2
    reports = dict(session.grade_many(twice, jobs=2))
    assert [reports[index].outcome for index in range(4)] == ["graded"] * 4
    assert without_times(reports[0]) == without_times(reports[2])
    assert without_times(reports[1]) == without_times(reports[3])


def without_times(report):
    report.seconds = 0
    for task in report.tasks:
        for check in task.checks:
            check.seconds = 0
    return report.to_json()


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
