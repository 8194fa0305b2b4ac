"""One worker answers for all tasks where the text shows that nothing passes between them, and only there."""

import ast

import pytest
from shipped import KIT

from cvaekit import bank
from cvaekit.submission.intake import Submission
from cvaekit.submission.stateless import is_stateless

PREAMBLE = "import math\nimport torch\nimport torch.nn as nn\nimport torch.nn.functional as F\n"

REMEMBER = {
    "global": "count = 0\ndef f(x):\n    global count\n    count += 1\n    return x * count",
    "global list": "seen = []\ndef f(x):\n    seen.append(x)\n    return x * len(seen)",
    "global list in a tuple": "seen = ([],)\ndef f(x):\n    seen[0].append(x)",
    "global tensor": "count = torch.zeros(())\ndef f(x):\n    count.add_(1)\n    return x * count",
    "global by walrus": "(seen := [])\ndef f(x):\n    seen.append(x)",
    "global iterator": "numbers = iter(range(9))\ndef f(x):\n    return x * next(numbers)",
    "global generator": "numbers = (n for n in range(9))\ndef f(x):\n    return x * next(numbers)",
    "global in a loop": "for seen in [[]]:\n    pass\ndef f(x):\n    seen.append(x)",
    "default argument": "def f(x, seen=[]):\n    seen.append(x)",
    "default of a keyword": "def f(x, *, seen={}):\n    seen[0] = x",
    "default of a lambda": "f = lambda x, seen=[]: seen.append(x)",
    "class attribute": "class A(nn.Module):\n    seen = []\n    def f(self, x):\n        self.seen.append(x)",
    "class attribute set": "class A(nn.Module):\n    def f(self, x):\n        A.seen = x",
    "class as self": "class A:\n    def f(self, x):\n        self.seen = x\n    def g(self, x):\n        A.f(A, x)",
    "class handed to a constructor": (
        "class A:\n    def __init__(self):\n        self.seen = []\n"
        "class B(A):\n    def f(self, x):\n        super(B, B).__init__(B)"
    ),
    "class handed on in a constructor": (
        "class A:\n    def __init__(self):\n        self.seen = []\n"
        "class B(A):\n    def __init__(self):\n        def f(x):\n            super().__init__(x)\n        f(B)"
    ),
    "another name for self": "class A:\n    def __init__(self, x):\n        self = A\n        self.seen = x",
    "positional self": "class A:\n    def __init__(me, self, /):\n        self.seen = 1",
    "static constructor": (
        "class A:\n    @staticmethod\n    def __init__(x):\n        x.seen = []\n"
        "class B:\n    def f(self, x):\n        A(B)"
    ),
    "own super": (
        "class A:\n    def __init__(self):\n        self.seen = []\ndef super():\n    return A\n"
        "class B:\n    def __init__(self):\n        super().__init__(B)"
    ),
    "own tuple": "def tuple(x):\n    return [x]\nseen = tuple(0)\ndef f(x):\n    seen.append(x)",
    "own library": "class torch:\n    device = lambda x: [x]\nseen = torch.device(0)\ndef f(x):\n    seen.append(x)",
    "another function's name": "from torch import zeros as device\nseen = device(3)\ndef f(x):\n    seen.add_(1)",
    "own decorator of a known name": (
        "def no_grad(g):\n    seen = []\n    return lambda x: seen.append(x)\n@no_grad\ndef f(x):\n    pass"
    ),
    "dictionary of a library's class": (
        "from torch.distributions import Normal\ndef f(x):\n    Normal(x, 1.0).arg_constraints['seen'] = x"
    ),
    "function attribute": "def f(x):\n    f.count = x",
    "nonlocal": "def make():\n    n = 0\n    def f(x):\n        nonlocal n\n        n += 1\n    return f\nf = make()",
    "made at import": "def make():\n    seen = []\n    return lambda x: seen.append(x)\nf = make()",
    "state of a library": "def f(x):\n    torch.set_default_dtype(torch.float64)",
    "library under another name": "def f(x):\n    t = torch\n    t.use_deterministic_algorithms(True)",
    "submodule under another name": "def f(x):\n    g = torch.nn\n    g.Linear.x = 1",
    "library through another": "def f(x):\n    F.torch.set_num_threads(1)",
    "library patched": "def f(x):\n    F.relu = torch.sigmoid",
    "library patched by name": "def f(x):\n    setattr(F, 'relu', torch.sigmoid)",
    "validation": (
        "from torch.distributions import Normal\ndef f(x):\n    N = Normal\n    N.set_default_validate_args(False)"
    ),
    "file": "def f(x):\n    open('seen', 'a').write('x')",
    "tensor in a file": "def f(x):\n    torch.save(x, 'seen')",
    "environment": "import os\ndef f(x):\n    os.environ['SEEN'] = '1'",
    "random": "import random\nnumbers = random.Random(1)\ndef f(x):\n    return x * numbers.random()",
    "clock": "import time\ndef f(x):\n    return x * time.time()",
    "cache": "from functools import cache\n@cache\ndef f(x):\n    return x",
    "decorator": "def counted(g):\n    seen = []\n    return lambda x: seen.append(x)\n@counted\ndef f(x):\n    pass",
    "everything of a module": "from torch import *\ndef f(x):\n    set_num_threads(1)",
    "module at run time": "def f(x):\n    __import__('builtins').seen = x",
    "globals": "def f(x):\n    globals()['seen'] = x",
    "builtins": "def f(x):\n    __builtins__['seen'] = x",
    "frame of a generator": "def f(x):\n    (n for n in x).gi_frame.f_globals['seen'] = x",
    "dunder": "def f(x):\n    x.__class__.seen = 1",
    "overloads": "from typing import overload\ndef f(x):\n    overload(f)",
    "metaclass": "class Meta(type):\n    pass\nclass A(metaclass=Meta):\n    pass",
    "coroutine": "async def f(x):\n    return x",
    "output": "def f(x):\n    print(x)",
    "match": "def f(x):\n    match x:\n        case [seen]:\n            return seen",
}
FORGET = {
    "method": (
        "class A(nn.Module):\n    width: int = 3\n    def __init__(self, n: int = 2):\n        super().__init__()\n"
        "        self.layer = nn.Linear(n, self.width)\n        self.layer.bias.data.zero_()\n"
        "    def forward(self, x):\n        return F.relu(self.layer(x))"
    ),
    "old super": "class A(nn.Module):\n    def __init__(self):\n        super(A, self).__init__()\n        self.n = 1",
    "constants": "SIZES = (784, 10)\nROOT = math.sqrt(2)\nDEVICE = torch.device('cpu')\ndef f(x):\n    return x * ROOT",
    "own list": "def f(xs):\n    found = []\n    for x in xs:\n        found.append(x)\n    return torch.stack(found)",
    "in place": "def f(x):\n    x = x.clone()\n    x[:, 0] = 1\n    x += 1\n    return x.clamp_(min=0)",
    "helpers": "def g(x, *, n=2):\n    return [n * one for one in x]\nf = lambda x: sum(g(x))",
    "names imported": "from torch import Tensor, nn\nfrom torch.nn import Linear\ndef f(x: Tensor):\n    return x",
    "no gradient": "@torch.no_grad()\ndef f(x):\n    with torch.enable_grad():\n        return x.exp()",
    "exceptions": "def f(x):\n    if x.dim() != 2:\n        raise ValueError(f'{x.shape}')\n    return x",
}


@pytest.mark.parametrize("how", REMEMBER)
def test_what_can_remember_is_not_stateless(how):
    assert not is_stateless(ast.parse(PREAMBLE + REMEMBER[how]))


@pytest.mark.parametrize("what", FORGET)
def test_what_cannot_remember_is(what):
    assert is_stateless(ast.parse(PREAMBLE + FORGET[what]))


@pytest.mark.parametrize("name", KIT.names())
def test_references_and_most_right_answers_are_stateless(name):
    assignment = KIT.assignment(name)
    assert is_stateless(ast.parse(bank.solution(assignment)))
    variants = bank.load(assignment).variants
    trees = [entry.tree(assignment.reference_text) for entry in variants]
    assert sum(map(is_stateless, trees)) > 0.7 * len(trees)


# Lines at the end of the reference that answer one task otherwise once another has been asked
CHANGES_ITSELF = {
    "counts its calls": (
        "calls = []\nencode = SimpleCVAE.encode\n"
        "def counted(self, *rest):\n    calls.append(1)\n    return encode(self, *rest)\n"
        "SimpleCVAE.encode = counted\nloss = cvae_loss\n"
        "def cvae_loss(*tensors):\n    return loss(*tensors) * (2 if calls else 1)"
    ),
    "patches the library": (
        "encode = SimpleCVAE.encode\nsigmoid = torch.sigmoid\n"
        "def patching(self, *rest):\n    torch.sigmoid = torch.tanh\n    return encode(self, *rest)\n"
        "SimpleCVAE.encode = patching"
    ),
    "sets the number type": (
        "encode = SimpleCVAE.encode\n"
        "def typed(self, *rest):\n    found = encode(self, *rest)\n"
        "    torch.set_default_dtype(torch.float64)\n    return found\n"
        "SimpleCVAE.encode = typed"
    ),
    "dies in one task": (
        "import os\ndecode = SimpleCVAE.decode\n"
        "def deadly(self, z, labels):\n    return os._exit(3) if len(z) == 37 else decode(self, z, labels)\n"
        "SimpleCVAE.decode = deadly"
    ),
}


def outcomes(report):
    return [(check.id, check.outcome, check.message) for task in report.tasks for check in task.checks]


@pytest.mark.parametrize("how", CHANGES_ITSELF)
def test_what_changes_itself_between_tasks_gets_the_mark_of_separate_workers(how, session, grade, reference_text):
    source = f"{reference_text}\n{CHANGES_ITSELF[how]}\n"
    whole = grade(source)
    apart = [grade(source, only=task.id) for task in session.assignment.tasks if not task.slow]
    for number, report in enumerate(apart):
        found = report.tasks[number]
        assert (found.id, found.status, found.score) == (
            whole.tasks[number].id, whole.tasks[number].status, whole.tasks[number].score,
        ), found.feedback  # fmt: skip


class CountedWorkers:
    """The sandbox, with its workers counted."""

    def __init__(self, sandbox):
        self.sandbox, self.started = sandbox, 0

    def worker(self, *arguments, **options):
        self.started += 1
        return self.sandbox.worker(*arguments, **options)


@pytest.mark.parametrize(
    ("lines", "workers"),
    [
        ("", 1),
        ("seen = []\nloss = cvae_loss\ndef cvae_loss(*tensors):\n    seen.append(1)\n    return loss(*tensors)", 7),
        ("loss = cvae_loss\ndef cvae_loss(*tensors):\n    return cvae_loss(*tensors) if len(tensors[0]) else 0", 1),
    ],
)
def test_how_many_workers_there_are(session, reference_text, lines, workers):
    counted = CountedWorkers(session.sandbox)
    submission = Submission("cvae.py", "cvae.py", f"{reference_text}\n{lines}\n".encode())
    report = session.grade(submission, workers=counted, left_out=("training",))
    assert report.outcome == "graded"
    assert counted.started == workers


def test_the_tasks_after_a_death_have_a_new_worker(session, reference_text):
    # Stateless, and out of memory in one task: every other one is judged as if nothing had been.
    lines = "def cvae_loss(reconstruction, original, mu, logvar):\n    return torch.zeros(10**13).sum()"
    counted = CountedWorkers(session.sandbox)
    source = reference_text.replace("def cvae_loss", "def unused") + f"\n{lines}\n"
    submission = Submission("cvae.py", "cvae.py", source.encode())
    report = session.grade(submission, workers=counted, left_out=("training",))
    assert [task.status for task in report.tasks[:5]] == ["right"] * 5
    assert counted.started > 1
