"""What earns points: core checks decide, supporting ones take their own away, a near miss keeps what is declared."""

import pytest
import small_kit

from cvaekit import bank
from cvaekit.bank import BankError
from cvaekit.grading.session import Session
from cvaekit.submission.intake import Submission

CHECK, MISTAKES = "graders/doubling/test_double.py", "graders/doubling/mistakes.toml"
TWO_CHECKS = [
    (CHECK, "@pytest.mark.points(10)", "@pytest.mark.core\n@pytest.mark.points(7)"),
    (
        CHECK,
        'raise Failure("double(x)", "other numbers", "every number twice as large")\n',
        'raise Failure("double(x)", "other numbers", "every number twice as large")\n\n\n@pytest.mark.points(3)\n'
        'def test_shape(submission):\n    """The shape stays."""\n'
        '    y = submission.ask("doubled", "double(x) of a column", x=torch.ones(3, 1))\n'
        "    if y.shape != (3, 1):\n"
        '        raise Failure("double(x)", "another shape", "the shape of x")\n',
    ),
]
NEAR_MISS = (MISTAKES, 'solution = "y = x * x"', 'keeps = 4\nbecause = "It grows."\nsolution = "y = x * x"')

ANSWERS = {
    "right": ("2 * x", 10.0, "All checks passed."),
    "an input handed back": ("x", 0.0, "This is what the task is about: without it, it earns no points."),
    "a constant": ("0 * x", 0.0, "This is what the task is about"),
    "what belongs to it": ("2 * x.flatten()", 7.0, "another shape"),
    "a near miss": ("x ** 2", 4.0, "This is close, and keeps 4 of 10 points."),
}


@pytest.fixture(scope="module")
def session(tmp_path_factory):
    kit = small_kit.write(tmp_path_factory.mktemp("kit"), [*TWO_CHECKS, NEAR_MISS])
    with Session(kit.assignment("doubling")) as session:
        assert session.fault == ""
        yield session


@pytest.mark.parametrize("answer", ANSWERS)
def test_points(session, answer):
    code, score, said = ANSWERS[answer]
    report = session.grade(Submission("ada", "doubling.py", f"def double(x):\n    return {code}\n".encode()))
    assert report.score == score
    assert said in report.tasks[0].feedback
    assert ("without it" in report.tasks[0].feedback) == (score == 0)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keeps = 4", "squared: a near miss says what it `keeps` and `because` of what; write both, or none"),
        ('because = "It grows."', "write both, or none"),
        ('keeps = 10\nbecause = "It grows."', "keeps 10 of 10 points; write less than all"),
        ('keeps = -1\nbecause = "It grows."', "keeps = -1: input should be greater than or equal to 0"),
    ],
)
def test_a_near_miss_that_makes_no_sense_is_named(tmp_path, text, message):
    kit = small_kit.write(tmp_path, [(MISTAKES, "solution = ", f"{text}\nsolution = ")])
    with pytest.raises(BankError, match=message):
        bank.load(kit.assignment("doubling"))


def test_what_nothing_tells_apart_keeps_the_same(tmp_path):
    other = '\n[[mistake]]\nid = "cubed"\ntask = "double"\nsymptom = "Cubed."\nhint = "How much?"\ngroup = "g"\n'
    edit = ('solution = "y = x * x"', 'group = "g"\nkeeps = 4\nbecause = "It grows."\nsolution = "y = x * x"')
    kit = small_kit.write(tmp_path, [(MISTAKES, edit[0], f'{edit[1]}\n{other}solution = "y = x ** 3"')])
    with pytest.raises(BankError, match="nothing tells them apart, so write the same for both"):
        bank.load(kit.assignment("doubling"))
