"""Kits are found where they should be, and what is wrong with a manifest is told with its place and its remedy."""

import importlib
import os
import shutil

import pytest
import small_kit
from commands import cvaekit
from shipped import KIT, ROOT

from cvaekit import kit as kits
from cvaekit.kit import KitError, Table

MANIFEST = "graders/doubling/assignment.toml"
CHECK = "graders/doubling/test_double.py"


@pytest.fixture
def outside(tmp_path, monkeypatch):
    """A working directory that lies in no kit."""
    monkeypatch.delenv(kits.VARIABLE, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# ---------------------------------------------------------------- which kit


def test_without_any_other_kit_the_shipped_one_is_in_use(outside):
    assert kits.find() == KIT
    assert set(KIT.names()) >= {"conditional_vae", "explore_cvae", "thickness_cvae"}


def test_named_kits_come_before_the_enclosing_one(outside, monkeypatch):
    roots = [outside / name for name in ("around", "variable", "option")]
    around, variable, option = map(small_kit.write, roots)
    monkeypatch.chdir(around.root / "assignments" / "doubling")
    assert kits.find() == around
    monkeypatch.setenv(kits.VARIABLE, str(variable.root))
    assert kits.find() == variable
    assert kits.find(option.root) == option


@pytest.mark.parametrize("origin", ["--kit", kits.VARIABLE])
def test_a_folder_that_is_no_kit_is_refused_with_a_way_out(outside, monkeypatch, origin):
    if origin == kits.VARIABLE:
        monkeypatch.setenv(origin, str(outside))
    with pytest.raises(KitError, match=r"not a kit\. A kit is a folder with graders/.*cvaekit new NAME"):
        kits.find(outside if origin == "--kit" else None)


def test_another_users_kit_is_not_used_unasked(outside, monkeypatch):
    kit = small_kit.write(outside / "kit")
    monkeypatch.setattr(os, "getuid", lambda: kit.root.stat().st_uid + 1)
    assert kits.enclosing(kit.root) is None
    assert kits.find(kit.root) == kit


def test_activating_a_kit_binds_its_packages_and_no_others(outside, monkeypatch):
    decoy = outside / "graders"
    decoy.mkdir()
    (decoy / "__init__.py").write_text("raise RuntimeError('imported by mistake')")
    kit = small_kit.write(outside / "kit")
    try:
        kit.activate()
        own = importlib.import_module("graders.doubling.probes")
        assert own.__file__ is not None
        assert own.__file__.startswith(str(kit.root))
    finally:
        KIT.activate()
    from graders.cvae import probes

    assert probes.__file__.startswith(str(ROOT))


def test_a_submission_does_not_bring_its_own_checks(outside):
    """A repository that is a kit itself is not graded by it."""
    kit = small_kit.write(outside / "repository")
    work = kit.root / "week_1" / "ada"
    work.mkdir(parents=True)
    (work / "doubling.py").write_text("def double(x):\n    return 3 * x\n")
    (kit.root / "doubling.py").symlink_to(work / "doubling.py")
    (work / "link.py").symlink_to(outside / "elsewhere.py")
    (outside / "elsewhere.py").write_text("def double(x):\n    return 3 * x\n")
    for path in (".", "doubling.py", "week_1/ada", "week_1/ada/doubling.py", "week_1/ada/link.py", kit.root, outside):
        result = cvaekit("grade", path, "--assignment", "doubling", cwd=kit.root)
        assert result.returncode == 2
        assert "may come with the checks that would grade it" in result.stderr
        assert f"--kit {kit.root}" in result.stderr


def test_in_ci_a_kit_has_to_be_named(outside):
    kit = small_kit.write(outside / "kit")
    submissions = kit.root / "handed_in" / "ada"
    submissions.mkdir(parents=True)
    (submissions / "doubling.py").write_text("def double(x):\n    return 2 * x\n")
    environment = {"CI": "true"}
    result = cvaekit("grade", submissions, cwd=kit.root, **environment)
    assert (result.returncode, "add --kit" in result.stderr) == (2, True)
    result = cvaekit("grade", submissions, "--kit", kit.root, cwd=kit.root, **environment)
    assert result.returncode == 0
    assert "10 / 10" in result.stdout


def test_the_kit_around_the_working_directory_grades_files_from_elsewhere(outside):
    kit = small_kit.write(outside / "kit")
    (outside / "doubling.py").write_text("def double(x):\n    return 2 * x\n")
    result = cvaekit("grade", "../doubling.py", cwd=kit.root)
    assert result.returncode == 0
    assert "10 / 10" in result.stdout


# ---------------------------------------------------------------- manifests

BROKEN = {
    "unknown key": ((MANIFEST, "title = ", "slwo = true\ntitle = "), "unknown key slwo"),
    "near miss of a key": (
        (MANIFEST, "points = 10", "point = 10"),
        r"\[\[task\]\] number 1: unknown key point; did you mean points\?",
    ),
    "missing key": (
        (MANIFEST, 'hint = "How much is twice as much?"\n', ""),
        r"\[\[task\]\] number 1: the key hint is missing",
    ),
    "points as text": (
        (MANIFEST, "points = 10", 'points = "many"'),
        "number 1: points = 'many': input should be a valid number",
    ),
    "negative points": ((MANIFEST, "points = 10", "points = -10"), "points = -10: input should be greater than 0"),
    "no such symbol": ((MANIFEST, 'symbol = "double"', 'symbol = "the double"'), "write function or Class.method"),
    "a folder in a name": (
        (MANIFEST, '"doubling_starter.py"', '"a/b.py"'),
        "write the name of a file, without a folder",
    ),
    "no task": ((MANIFEST, "[[task]]", "[settings.a]"), "the key task is missing"),
    "not TOML": ((MANIFEST, "title = ", "title : "), r"not TOML: .* \(at line 2"),
    "points do not add up": (
        (MANIFEST, "points = 10", "points = 90"),
        r"task double: points = 90, and its checks are worth 10 \(value 10\); change one of them",
    ),
    "points are no number": (
        (CHECK, "points(10)", "points(TEN)"),
        "test_double.py: line 9: write the points as one number",
    ),
    "depends on nothing": (
        (MANIFEST, "points = 10", 'points = 10\ndepends_on = ["treble"]'),
        "task double: depends_on names 'treble', which is no other task; tasks are double",
    ),
    "unknown device": (
        (MANIFEST, "[[task]]", 'devices = ["tpu"]\n[[task]]'),
        "devices names 'tpu'; there are cpu and cuda",
    ),
    "no check in the file": ((CHECK, "def test_value", "def value"), "test_double.py: holds no check"),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_what_is_wrong_with_a_manifest_is_told(outside, fault):
    edit, message = BROKEN[fault]
    kit = small_kit.write(outside / "kit", [edit])
    with pytest.raises(KitError, match=message) as told:
        kit.assignment("doubling")
    assert "doubling/" in str(told.value)


@pytest.mark.parametrize("stem", ["test_double", "probes"])
def test_a_missing_file_is_named(outside, stem):
    kit = small_kit.write(outside / "kit", **{stem: None})
    with pytest.raises(KitError, match=f"graders/doubling/{stem}.py"):
        kit.assignment("doubling")


def test_all_faults_are_told_at_once(outside):
    edits = [(MANIFEST, "points = 10", "point = 10"), (MANIFEST, 'title = "Twice"\n', "")]
    kit = small_kit.write(outside / "kit", edits)
    with pytest.raises(KitError) as told:
        kit.assignment("doubling")
    assert len(str(told.value).splitlines()) == 3  # an unknown key, and two that are missing


def test_the_command_line_tells_them_and_ends_with_two(outside):
    kit = small_kit.write(outside / "kit", [(MANIFEST, "points = 10", "point = 10")])
    path = outside / "doubling.py"
    shutil.copy(kit.root / "reference/doubling/doubling.py", path)
    result = cvaekit("grade", path, "--kit", kit.root)
    assert result.returncode == 2
    assert "cvaekit: graders/doubling/assignment.toml: [[task]] number 1: unknown key point" in result.stderr
    assert "Traceback" not in result.stderr


class Limits(Table):
    steps: int
    limit: float


def test_settings_are_validated_by_who_reads_them(outside):
    settings = "[settings.training]\nstpes = 3\nlimit = 1.5\n\n[[task]]"
    assignment = small_kit.write(outside / "kit", [(MANIFEST, "[[task]]", settings)]).assignment("doubling")
    with pytest.raises(KitError, match=r"\[settings.training\] unknown key stpes; did you mean steps\?"):
        assignment.setting("training", Limits)
    with pytest.raises(KitError, match=r"\[settings.drawing\] is missing; its keys are steps, limit"):
        assignment.setting("drawing", Limits)


def test_the_digest_changes_with_the_hidden_side_alone(outside):
    first = small_kit.write(outside / "one").assignment("doubling").digest
    assert small_kit.write(outside / "two").assignment("doubling").digest == first
    (outside / "two" / "assignments" / "doubling" / "README.md").write_text("other words")
    assert small_kit.write(outside / "two").assignment("doubling").digest == first
    other = [(CHECK, "other numbers", "wrong numbers")]
    assert small_kit.write(outside / "three", other).assignment("doubling").digest != first
