"""A check's outcome does not depend on which checks ran before it.

Every check is run in the whole of its assignment, and alone, on a sample of the banks.
"""

from contextlib import closing

import pytest
from shipped import KIT

from cvaekit import bank
from cvaekit.grading import check_run, marks
from cvaekit.grading.pytest_plugin import ChecksPlugin
from cvaekit.grading.session import Session
from cvaekit.submission.intake import Submission

SAMPLE = 2  # mistakes, and as many variants, of each assignment

# Submissions that carry something over from one call to the next
CARRIES = {
    "a layer built in a call": ("h = F.relu(self.encoder_fc1(combined))", "self.extra = nn.Linear(3, 3)\n        {0}"),
    "a count of calls": (
        "h = F.relu(self.decoder_fc1(combined))",
        "self.calls = getattr(self, 'calls', 0) + 1\n        {0} * (1 if self.calls < 3 else 2)",
    ),
}


@pytest.fixture(scope="module", params=KIT.names())
def session(request):
    with Session(KIT.assignment(request.param)) as session:
        yield session


def spread(entries):
    """A few entries, evenly over the list."""
    return entries[:: max(1, len(entries) // SAMPLE)][:SAMPLE]


def outcomes(session, source, task=None, check=None):
    """Check id -> outcome; of one check, alone, or of all that are not slow."""
    assignment = session.assignment
    left_out = tuple(t.id for t in assignment.tasks if t.slow or (task and t.id != task))
    items = [item for item in check_run.judged(assignment, left_out) if check in (None, item.name)]
    grading = session.begin(Submission("entry", assignment.files[0], source.encode()), left_out=left_out)
    with closing(grading):
        plugin = ChecksPlugin(grading, marks.symbol_faults(grading))
        check_run.run_checks(plugin, items)
    return {result.id: result.outcome for result in plugin.results}


def test_alone_as_in_the_whole(session):
    banks = bank.load(session.assignment)
    sources = {entry.id: entry.source(banks.reference) for entry in (*spread(banks.mistakes), *spread(banks.variants))}
    for name, (old, new) in CARRIES.items():
        if old in banks.reference:
            sources[name] = bank.solution(session.assignment).replace(old, new.format(old))
    for name, source in sources.items():
        whole = outcomes(session, source)
        assert len(whole) > 10
        for check in whole:
            task, _, own = check.partition(".")
            assert outcomes(session, source, task, f"test_{own}") == {check: whole[check]}, (name, check)
