"""The bank of real-life files: its list is read strictly, and the audit holds every file to its mark."""

import json
from typing import Any

import pytest
import small_kit
from commands import cvaekit
from shipped import KIT

from cvaekit import bank, real_life
from cvaekit.audit.audit import Audit, run_files
from cvaekit.author import soundness
from cvaekit.bank import BankError
from cvaekit.grading.session import Session

RIGHT = "def double(x):\n    return x + x\n"
WRONG = "def double(x):\n    return 3 * x\n"
LISTED: dict[str, dict[str, Any]] = {
    "right": {"path": "right.py", "note": "Added to itself."},
    "wrong": {"path": "wrong.py", "note": "Thrice as much.", "loses": ["double"]},
    "folder": {"path": "folder", "note": "A folder with a file of another name."},
}
LEAST = {"conditional_vae": 45, "explore_cvae": 10, "thickness_cvae": 10}


@pytest.fixture
def write(tmp_path):
    """A kit whose assignment has three real-life files, listed as `changes` say; an entry that is None is left out."""

    def write(**changes):
        assignment = small_kit.write(tmp_path).assignment("doubling")
        (assignment.folder / "real_life" / "folder").mkdir(parents=True)
        for file, text in {"right.py": RIGHT, "wrong.py": WRONG, "folder/mine.py": RIGHT}.items():
            (assignment.folder / "real_life" / file).write_text(text)
        lines = []
        for name in LISTED | changes:
            entry = {"id": name} | LISTED.get(name, {}) | (changes.get(name) or {})
            if changes.get(name, entry):
                lines += ["[[real_life]]", *(f"{key} = {json.dumps(value)}" for key, value in entry.items())]
        (assignment.folder / "real_life.toml").write_text("\n".join(lines))
        return assignment

    return write


# ------------------------------------------------------------------------------------------- the list


def test_entries_come_in_the_order_of_the_list(write):
    assignment = write()
    entries = real_life.load(assignment)
    assert [(entry.id, entry.loses) for entry in entries] == [("right", ()), ("wrong", ("double",)), ("folder", ())]
    assert real_life.path(entries[1], assignment).read_text() == WRONG
    assert [entry.id for entry in real_life.chosen(entries, ["double", "folder"])] == ["wrong", "folder"]
    assert len(real_life.chosen(entries, [])) == 3


def test_an_assignment_may_have_none(tmp_path):
    assignment = small_kit.write(tmp_path).assignment("doubling")
    assert real_life.load(assignment) == ()
    assert real_life.unlisted(assignment) == []


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"loses": ["halve"]}, "real_life.toml, right: unknown task halve; known are double"),
        ({"note": ""}, "real_life.toml, right: note = '': string should have at least 1 character"),
        ({"colour": "red"}, "real_life.toml, right: unknown key colour"),
        ({"id": "Not Snake"}, "write lower-case letters, numbers and _"),
        ({"id": "squared"}, "real_life.toml, squared: the id is used for more than one entry of the banks"),
        ({"path": "folder/mine.py"}, "path = 'folder/mine.py': write the name of a file, without a folder"),
        ({"path": "left.py"}, "real_life.toml, right: there is no real_life/left.py; write it, or mend path"),
        ({"path": ".."}, "there is no real_life/..; write it"),
        ({"path": "wrong.py"}, "real_life.toml, right: wrong.py is listed more than once; keep one entry"),
    ],
)
def test_a_broken_entry_is_named(write, change, message):
    with pytest.raises(BankError) as raised:
        real_life.load(write(right=change))
    assert message in str(raised.value)


def test_all_that_is_missing_is_named_at_once(write):
    with pytest.raises(BankError) as raised:
        real_life.load(write(right={"path": "a.py"}, wrong={"path": "b.py"}))
    assert [line.split(";")[0] for line in str(raised.value).splitlines()] == [
        "real_life.toml, right: there is no real_life/a.py",
        "real_life.toml, wrong: there is no real_life/b.py",
    ]


def test_a_file_of_another_kind_is_refused(write):
    assignment = write(right={"path": "notes.txt"})
    (assignment.folder / "real_life" / "notes.txt").write_text("Nothing.")
    with pytest.raises(BankError, match=r"right: notes\.txt is no \.py file, no notebook and no folder; mend path"):
        real_life.load(assignment)


def test_check_complains_about_what_is_missing_and_what_is_not_listed(write):
    assignment = write(right=None)
    (assignment.folder / "real_life" / ".DS_Store").touch()
    wanted = (
        "graders/doubling/real_life/right.py: not listed, so nothing grades it; add it to real_life.toml, or delete it"
    )
    assert wanted in soundness.check_files(assignment.kit, "doubling")
    (assignment.folder / "real_life" / "wrong.py").unlink()
    wanted = "graders/doubling/real_life.toml, wrong: there is no real_life/wrong.py; write it, or mend path"
    assert wanted in soundness.check_files(assignment.kit, "doubling")


# ------------------------------------------------------------------------------------------- the marks


def test_the_audit_holds_each_file_to_its_mark(write):
    entries = {"broken": {"path": "wrong.py", "note": "Said to be right."}, "wrong": None}
    assignment = write(**entries, folder={"loses": ["double"]})
    audit = Audit(assignment, complete=True)
    with Session(assignment) as session:
        files = real_life.load(assignment)
        assert [file.id for file in run_files(audit, files, session, jobs=1, thorough=False)] == [
            "right",
            "folder",
            "broken",
        ]
    right, folder, broken = audit.files
    assert (right.problem, right.lost, right.judged, right.says) == (None, {}, ["double"], None)
    assert (folder.problem, folder.lost) == ("keeps all points in double", {})
    assert (broken.problem, broken.lost) == ("is right, and loses points in double", {"double": 10.0})
    assert "double(x)" in (broken.says or "")
    assert audit.files_as_marked == 1
    assert audit.problems == [
        "real-life file folder keeps all points in double.",
        "real-life file broken is right, and loses points in double.",
    ]
    table = json.loads(audit.to_json(None))
    assert [(file["id"], file["loses"]) for file in table["real_life"]] == [
        ("right", []),
        ("folder", ["double"]),
        ("broken", []),
    ]
    assert table["passed"] is False


def test_the_command_shows_them_and_takes_their_ids(write, tmp_path):
    assignment = write(broken={"path": "right.py", "note": "<b>Copied</b>.", "loses": ["double"]}, right=None)
    kit = ("--kit", assignment.kit.root)
    done = cvaekit("audit", "wrong", "broken", *kit, "--html", "audit.html", cwd=tmp_path)
    assert done.returncode == 1, done.stderr
    assert "1 of 2 real-life files get the mark that they should." in done.stdout
    assert "✗ real-life file broken keeps all points in double." in done.stdout
    page = (tmp_path / "audit.html").read_text()
    assert "<code>wrong.py</code>" in page
    assert "&lt;b&gt;Copied&lt;/b&gt;" in page


# ------------------------------------------------------------------------------------------- the shipped lists


@pytest.mark.parametrize("name", KIT.names())
def test_the_shipped_lists_are_complete(name):
    assignment = KIT.assignment(name)
    entries = real_life.load(assignment)
    assert len(entries) >= LEAST.get(name, 1)
    assert real_life.unlisted(assignment) == []
    assert any(entry.loses for entry in entries)
    assert any(real_life.path(entry, assignment).is_dir() for entry in entries)
    assert all(entry.note.endswith(".") for entry in entries)
    assert {entry.id for entry in entries}.isdisjoint(bank.ids(bank.load(assignment)))
