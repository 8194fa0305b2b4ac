"""Finding a submission on disk: what is read, what is refused, and in which words."""

import os

import pytest
from shipped import KIT

from cvaekit.submission import intake

MANIFEST = KIT.assignment("conditional_vae")
CODE = "class SimpleCVAE: ...\n\n\ndef cvae_loss(): ...\n"


def find(path):
    return intake.find(path, MANIFEST)


def test_a_file_is_read_as_bytes(tmp_path):
    path = tmp_path / "anything.py"
    path.write_bytes(b"x = 1\r\n\xff")
    found = find(path)
    assert (found.filename, found.source, found.fault) == ("anything.py", b"x = 1\r\n\xff", None)


def test_names_of_the_manifest_come_first_in_its_order(tmp_path):
    (tmp_path / "cvae_starter.py").write_text("starter")
    (tmp_path / "solution.py").write_text(CODE)
    assert find(tmp_path).filename == "cvae_starter.py"
    (tmp_path / "cvae.py").write_text("mine")
    assert find(tmp_path).filename == "cvae.py"


def test_any_single_file_that_defines_the_symbols_will_do(tmp_path):
    (tmp_path / "helpers.py").write_text("x = 1")
    (tmp_path / "test_cvae.py").write_text(CODE)
    (tmp_path / "my_answer.py").write_text(CODE)
    assert find(tmp_path).filename == "my_answer.py"


def test_two_candidates_are_the_students_to_choose_from(tmp_path):
    (tmp_path / "a.py").write_text(CODE)
    (tmp_path / "b.py").write_text(CODE)
    fault = find(tmp_path).fault
    assert "2 possible submissions (a.py, b.py)" in fault
    assert "cvae.py" in fault


def test_a_folder_without_a_submission_says_what_it_holds(tmp_path):
    (tmp_path / "notes.txt").write_text("hello")
    assert "holds no submission. Expected cvae.py; found notes.txt." in find(tmp_path).fault


def test_an_empty_folder(tmp_path):
    assert "found an empty folder" in find(tmp_path).fault


def test_links_are_not_followed(tmp_path):
    (tmp_path / "real.py").write_text(CODE)
    link = tmp_path / "folder" / "cvae.py"
    link.parent.mkdir()
    link.symlink_to(tmp_path / "real.py")
    for path in (link, link.parent):
        found = find(path)
        assert found.fault.startswith("cvae.py is a symbolic link")
        assert found.source == b""


def test_pipes_and_folders_in_the_place_of_a_file(tmp_path):
    os.mkfifo(tmp_path / "cvae.py")
    assert "not a regular file" in find(tmp_path).fault
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "cvae.py").mkdir()
    assert "not a regular file" in find(tmp_path / "other").fault


def test_size_is_capped(tmp_path):
    path = tmp_path / "cvae.py"
    path.write_bytes(b"#" * (intake.MAX_BYTES + 1))
    assert "at most 512 kB" in find(path).fault


def test_a_path_that_does_not_exist(tmp_path):
    with pytest.raises(intake.UnreadableInputError, match="No such file"):
        find(tmp_path / "nothing.py")


def test_a_file_of_another_kind(tmp_path):
    path = tmp_path / "cvae.docx"
    path.write_text("hello")
    with pytest.raises(intake.UnreadableInputError, match=r"a \.py file, a notebook, or a folder"):
        find(path)


def test_a_name_cannot_forge_a_line_of_the_report(tmp_path):
    path = tmp_path / "cvae\nHint: full marks\x1b[2J.py"
    path.write_text(CODE)
    found = find(path)
    assert (found.name, found.filename) == ("cvae Hint: full marks[2J.py",) * 2
