"""Submitted cells and the gradebook's, put together again."""

import html
import re
from dataclasses import replace
from types import SimpleNamespace

import nbformat
import pytest
from nbconvert.filters.markdown_mistune import markdown2html_mistune as markdown2html
from nbgrader.nbgraderformat import MetadataValidator

from cvaekit.notebook.restore import LOST_ANSWER, read, restored
from cvaekit.submission.cells import Cell


def source(name, kind, text, *, locked=False):
    return SimpleNamespace(name=name, cell_type=kind, source=text, locked=locked, checksum="0" * 32)


@pytest.fixture
def gradebook():
    """A notebook of four cells as nbgrader's gradebook has it: given code, a solution, its test, a written answer."""
    names = {"given": [], "solution": [], "test": ["grade"], "answer": ["grade"]}
    graded = [SimpleNamespace(name=name, max_score=5.0) for name, roles in names.items() if "grade" in roles]
    return SimpleNamespace(
        source_cells=[
            source("given", "code", "import torch", locked=True),
            source("solution", "code", "x = ..."),
            source("test", "code", "assert x", locked=True),
            source("answer", "markdown", "YOUR ANSWER HERE"),
        ],
        grade_cells=graded,
        solution_cells=[SimpleNamespace(name="solution"), SimpleNamespace(name="answer")],
        task_cells=[],
    )


def shown(notebook):
    nbformat.validate(notebook)
    MetadataValidator().validate_nb(notebook)
    return [(cell.metadata.get("nbgrader", {}).get("grade_id"), cell.source) for cell in notebook.cells]


GIVEN, SOLUTION = Cell("code", "import torch", ("given",)), Cell("code", "x = 1", ("solution",))
TEST, ANSWER = Cell("code", "assert x", ("test",)), Cell("markdown", "because", ("answer",))


def test_what_is_in_order_stays_as_it_is(gradebook):
    submitted = [Cell("markdown", "hello"), GIVEN, SOLUTION, Cell("code", "scratch"), TEST, ANSWER]
    assert shown(restored(submitted, gradebook)) == [
        (None, "hello"),
        ("given", "import torch"),
        ("solution", "x = 1"),
        (None, "scratch"),
        ("test", "assert x"),
        ("answer", "because"),
    ]


def test_a_test_has_the_gradebooks_text_whatever_was_handed_in(gradebook):
    changed = Cell("markdown", "assert True", ("test",))
    assert ("test", "assert x") in shown(restored([SOLUTION, changed, ANSWER], gradebook))


def test_lost_cells_come_back_behind_the_cell_that_they_followed(gradebook):
    assert shown(restored([GIVEN, SOLUTION, Cell("code", "more")], gradebook)) == [
        ("given", "import torch"),
        ("solution", "x = 1"),
        ("test", "assert x"),
        ("answer", LOST_ANSWER),
        (None, "more"),
    ]
    assert [name for name, _ in shown(restored([], gradebook))] == ["test", "answer"]


def test_of_doubled_cells_one_counts_and_none_is_lost(gradebook):
    first, second, blank = (Cell("markdown", text, ("answer",)) for text in ("one", "two", "YOUR ANSWER HERE"))
    submitted = [GIVEN, SOLUTION, TEST, TEST, first, second, blank]
    assert shown(restored(submitted, gradebook))[3:] == [
        (None, "assert x"),
        (None, "one"),
        ("answer", "two"),
        (None, "YOUR ANSWER HERE"),
    ]


def test_cells_are_known_by_their_cell_id_as_well(gradebook):
    submitted = [Cell("markdown", "because", ("no_such_grade_id", "answer"))]
    assert ("answer", "because") in shown(restored(submitted, gradebook))


def test_an_answer_in_a_code_cell_is_an_answer(gradebook):
    notebook = restored([Cell("code", "because", ("answer",))], gradebook)
    assert [cell.cell_type for cell in notebook.cells if cell.source == "because"] == ["markdown"]


def test_given_code_that_was_changed_is_shown_as_the_students(gradebook):
    assert (None, "import os") in shown(restored([Cell("code", "import os", ("given",))], gradebook))


def test_true_roles_replace_forged_ones(gradebook):
    [test] = [c for c in restored([TEST], gradebook).cells if c.metadata.nbgrader.grade_id == "test"]
    assert test.metadata.nbgrader == {
        "schema_version": 3,
        "grade": True,
        "solution": False,
        "locked": True,
        "task": False,
        "grade_id": "test",
        "cell_type": "code",
        "checksum": "0" * 32,
        "points": 5.0,
    }


def test_a_file_that_is_no_notebook_says_so_in_a_cell(tmp_path):
    (tmp_path / "cvae.ipynb").write_bytes(b"\xff{")
    [cell] = read(tmp_path / "cvae.ipynb")
    assert (cell.kind, "is not a notebook" in cell.source) == ("markdown", True)
    (tmp_path / "half.ipynb").write_text('{"cells": [{"cell_type": "code", "source": "x = \\"\\ud800\\""}]}')
    assert read(tmp_path / "half.ipynb")[0].source == 'x = "?"'
    (tmp_path / "link.ipynb").symlink_to(tmp_path / "cvae.ipynb")
    assert "symbolic link" in read(tmp_path / "link.ipynb")[0].source


SCRIPTS = [
    "<script>steal()</script>",
    "a <img src=x onerror=steal()>",
    "[a](javascript:steal())",
    "[a](java&#115;cript:steal())",
    "[a](javascript&colon;steal())",
    "<!-- <svg/onload=steal()> -->",
]


@pytest.mark.parametrize("text", SCRIPTS)
@pytest.mark.parametrize("cell", [Cell("markdown", "", ("answer",)), Cell("markdown", ""), Cell("raw", "")])
def test_prose_cannot_run_in_the_pages_of_who_reads_it(gradebook, text, cell):
    """nbgrader's formgrader shows Markdown as nbconvert renders it, HTML included."""
    [mine] = [c for c in restored([replace(cell, source=text)], gradebook).cells if "steal" in c.source]
    page = markdown2html(mine.source)
    assert not re.search(r"<(script|img|svg)", page)
    assert not re.search(r"""href=["']?\s*javascript:""", html.unescape(page))


def test_prose_keeps_its_formulas_and_code_its_signs(gradebook):
    submitted = [Cell("markdown", "where $a < 3$ and 1 <2"), Cell("code", "x = 1 <y", ("solution",))]
    text = [source for _, source in shown(restored(submitted, gradebook))]
    assert text[:2] == ["where $a < 3$ and 1 <2", "x = 1 <y"]
