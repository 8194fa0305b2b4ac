"""The banks are data: these tests keep them readable and buildable. What an entry costs is for the audit to say."""

import json
import re
from functools import cache
from types import CodeType
from typing import Any

import pytest
from shipped import KIT

from cvaekit.author import hint_rules
from cvaekit.bank import Bank, BankError, Entry, load
from cvaekit.kit import Kit

BANKS = {name: load(KIT.assignment(name)) for name in KIT.names()}
# At least, for one assignment: mistakes, those of them that nobody was seen to make, variants. At most: the share of
# mistakes that costs other tasks too.
LEAST = {"conditional_vae": (160, 50, 100), "explore_cvae": (40, 40, 20), "thickness_cvae": (40, 40, 20)}
COSTLY = {"conditional_vae": 0.02}
ENTRIES = [
    pytest.param(bank, entry, id=f"{name}-{entry.id}")
    for name, bank in BANKS.items()
    for entry in (*bank.mistakes, *bank.variants, *bank.ambiguous)
]


@pytest.fixture(params=BANKS)
def name(request) -> str:
    return request.param


@pytest.fixture
def bank(name) -> Bank:
    return BANKS[name]


@pytest.fixture
def tasks(name) -> list[str]:
    return [task.id for task in KIT.assignment(name).tasks]


@cache
def code_of(source: str) -> CodeType:
    return compile(source.encode(), "submission", "exec")


# ------------------------------------------------------------------------------------------- the text of the entries


def test_the_bank_is_large_and_covers_every_task(name, bank, tasks):
    mistakes, invented, variants = LEAST.get(name, (1, 0, 1))
    assert len(bank.mistakes) >= mistakes
    assert len(bank.variants) >= variants
    assert {entry.task for entry in bank.mistakes} == set(tasks)
    assert sum("mutation" in entry.seen or "thought of" in entry.seen for entry in bank.mistakes) >= invented


def test_mistakes_are_ordered_by_task(bank, tasks):
    order = [tasks.index(entry.task) for entry in bank.mistakes]
    assert order == sorted(order)


def test_few_mistakes_cost_more_than_one_task(name, bank):
    assert sum(bool(entry.also) for entry in bank.mistakes) <= COSTLY.get(name, 0.1) * len(bank.mistakes)


def test_a_group_has_members_of_one_task(bank):
    for name, members in bank.groups.items():
        assert len(members) > 1, name
        assert len({entry.task for entry in members}) == 1, name


@pytest.mark.parametrize(("bank", "entry"), ENTRIES)
def test_entry_builds_and_differs(bank, entry):
    source = entry.source(bank.reference)
    assert code_of(source)
    assert source != Entry(id="nothing", task=entry.task).source(bank.reference)
    assert "### " not in source
    assert "#:" not in source


def test_mistakes_say_where_they_were_seen(bank):
    known = re.compile(r"catalogue|mutation: \w+|thought of")
    assert [entry.id for entry in bank.mistakes if not known.search(entry.seen)] == []


def test_hints_and_symptoms(name, bank):
    assert list(hint_rules.faults_of_hints(KIT.assignment(name))) == []
    assert [entry.id for entry in bank.mistakes if entry.symptom[-1] != "."] == []


def test_a_group_has_one_hint(bank):
    assert [name for name, members in bank.groups.items() if len({entry.hint for entry in members}) > 1] == []


def test_variants_are_distinct(bank):
    sources = {entry.source(bank.reference) for entry in (*bank.variants, *bank.ambiguous)}
    assert len(sources) == len(bank.variants) + len(bank.ambiguous)
    assert all(entry.note.endswith(".") for entry in bank.variants)
    assert all(entry.policy.endswith(".") for entry in bank.ambiguous)


def test_every_task_has_variants(bank, tasks):
    assert {entry.task for entry in bank.variants} == set(tasks)


# ------------------------------------------------------------------------------------------- the loader

MANIFEST = """
title = "A"
files = ["m.py"]
symbols = ["f"]
starter = "m_starter.py"
reference = "m.py"
notebook = "m.ipynb"
"""
TASK = """
[[task]]
id = "{0}"
title = "T"
symbol = "f"
gaps = ["y"]
points = 1
hint = "h"
handout = "h"
"""
CHECK = "import pytest\n\n\n@pytest.mark.points(1)\ndef test_a(submission):\n    ...\n"
REFERENCE = """import math


def f(x):
    # TODO (one): Double it
    ### BEGIN SOLUTION
    #: y = ...
    y = 2 * x
    ### END SOLUTION
    return y + 1


# TODO (two): Nothing to fill in
last = 1
"""
ENTRY = {"id": "a", "task": "one", "symptom": "s.", "hint": "h", "solution": "y = x"}


@pytest.fixture
def load_entries(tmp_path):
    def write(*entries: dict[str, Any], name: str = "mistakes.toml", table: str = "mistake") -> Any:
        hidden = tmp_path / "graders" / "a"
        for folder in (hidden, tmp_path / "reference" / "a", tmp_path / "assignments" / "a"):
            folder.mkdir(parents=True, exist_ok=True)
        (hidden / "assignment.toml").write_text(MANIFEST + TASK.format("one") + TASK.format("two"))
        for file, text in {"test_one.py": CHECK, "test_two.py": CHECK, "probes.py": "FORMS = {}\n"}.items():
            (hidden / file).write_text(text)
        (tmp_path / "reference/a/m.py").write_text(REFERENCE)
        lines = [f"[[{table}]]\n" + "".join(f"{key} = {toml(value)}\n" for key, value in e.items()) for e in entries]
        (hidden / name).write_text("\n".join(lines))
        return load(Kit(tmp_path).assignment("a"))

    def toml(value: Any) -> str:
        return json.dumps(value)

    return write


def test_source_is_the_reference_with_the_entry_in_place(load_entries):
    bank = load_entries(
        ENTRY | {"solution": "if x:\n    y = x\n", "replace": [["+ 1", "+ 3"]], "before": "A = 1", "after": "B = 2"}
    )
    assert (
        bank.mistakes[0].source(bank.reference)
        == """import math


A = 1


def f(x):
    # TODO (one): Double it
    if x:
        y = x
    return y + 3


# TODO (two): Nothing to fill in
last = 1


B = 2
"""
    )


def test_an_assignment_may_have_no_bank_yet(load_entries):
    bank = load_entries()
    assert (bank.mistakes, bank.variants, bank.ambiguous) == ((), (), ())


def test_ambiguous_entries_carry_their_policy(load_entries):
    entry = {"id": "a", "task": "one", "policy": "p", "accepted": True, "replace": [["+ 1", "- 1"]]}
    assert load_entries(entry, name="ambiguous.toml", table="ambiguous").ambiguous[0].accepted is True


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"hint": ""}, "mistakes.toml, a: hint = '': string should have at least 1 character"),
        ({"task": "three"}, "unknown task three; known are one, two"),
        ({"also": ["three"]}, "unknown task three"),
        ({"id": "Not Snake"}, "write lower-case letters, numbers and _"),
        ({"id": "a" * 41}, "at most 40 characters"),
        ({"colour": "red"}, "unknown key colour"),
        ({"solution": 3}, "solution = 3: input should be a valid string"),
        ({"replace": ["y"]}, "replace.0 = 'y': input should be a valid tuple"),
        ({"replace": [["z", "y"]]}, "mistakes.toml, a: the reference has 'z' 0 times, not once"),
        ({"replace": [["x", "y"]]}, "a: the reference has 'x' 2 times, not once"),
        ({"task": "two"}, "no solution region for task 'two'"),
    ],
)
def test_a_broken_entry_is_named(load_entries, change, message):
    with pytest.raises(BankError, match=message):
        load_entries(ENTRY | change)


def test_an_entry_must_differ_somewhere(load_entries):
    with pytest.raises(BankError, match="the key solution, replace, before or after is missing"):
        load_entries({key: value for key, value in ENTRY.items() if key != "solution"})


def test_an_id_is_used_once(load_entries):
    with pytest.raises(BankError, match="used for more than one entry: a"):
        load_entries(ENTRY, ENTRY)


def test_a_stray_table_is_named(load_entries):
    with pytest.raises(BankError, match="found variant"):
        load_entries(ENTRY, table="variant")
