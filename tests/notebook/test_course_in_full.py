"""More of nbgrader, for minutes: the exchange, its own execution of notebooks, and the pages in a browser."""

import getpass
import re
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request

import matplotlib.pyplot as plt
import pytest
from nbgrader.api import Gradebook
from notebook_course import ANSWERED, ASSIGNMENT, NOTEBOOK, VARIANT, Course, solutions
from shipped import KIT

HONEST = sorted(solutions())
HOSTILE = ("garbage", "hostile", "tampered")
POINTS = {task.id: task.points for task in KIT.assignment(ASSIGNMENT).tasks}


@pytest.mark.course
def test_work_travels_through_the_exchange_and_feedback_comes_back(course, tmp_path):
    """With one user for both sides, as on a machine for trying it out."""
    (tmp_path / "exchange").mkdir(mode=0o777)
    (tmp_path / "exchange").chmod(0o777)
    student = Course(tmp_path / "student")
    student.folder.mkdir()
    places = f"--Exchange.root={tmp_path}/exchange", f"--Exchange.cache={tmp_path}/cache"
    named = (*places, "--course", "cvae-2026")
    course.run("nbgrader", "release_assignment", ASSIGNMENT, *places)
    student.run("nbgrader", "fetch_assignment", ASSIGNMENT, *named)
    handed_out = student.folder / ASSIGNMENT
    assert (handed_out / NOTEBOOK).read_text(encoding="utf-8") == course.released
    assert {path.name for path in handed_out.iterdir()} == {NOTEBOOK, "README.md", "data"}
    shutil.copy(course.submitted("kl_not_reduced"), handed_out / NOTEBOOK)
    student.run("nbgrader", "submit", ASSIGNMENT, *named)
    course.run("nbgrader", "collect", ASSIGNMENT, *places)
    me = getpass.getuser()
    course.run("nbgrader", "autograde", ASSIGNMENT, "--student", me)
    course.run("nbgrader", "generate_feedback", ASSIGNMENT, "--student", me)
    course.run("nbgrader", "release_feedback", ASSIGNMENT, "--student", me, *places)
    student.run("nbgrader", "fetch_feedback", ASSIGNMENT, *named)
    [came_back] = (handed_out / "feedback").rglob("*.html")
    assert "kl_loss: wrong" in came_back.read_text(encoding="utf-8")
    assert "Traceback" not in "".join([*course.log.values(), *student.log.values()])


# ---------------------------------------------------------------- without the kit's configuration


@pytest.mark.course
def test_stock_autograde_gives_the_same_partial_credit(course, marks, tmp_path):
    """One submission with a mistake, a right one elsewhere: executed by nbgrader itself, hidden tests and all."""
    student = "kl_not_reduced"
    stock = Course(tmp_path / "stock")
    for part in ("source", f"submitted/{student}"):
        shutil.copytree(course.folder / part, stock.folder / part)
    shutil.copy(course.folder / "gradebook.db", stock.folder)
    (stock.folder / "nbgrader_config.py").write_text("c = get_config()\nc.Execute.timeout = 120\n")
    stock.run("nbgrader", "autograde", ASSIGNMENT)
    with Gradebook(f"sqlite:///{stock.folder}/gradebook.db") as gradebook:
        grades = gradebook.find_submission_notebook("cvae", ASSIGNMENT, student).grades
        scores = {grade.name: grade.score for grade in grades if grade.name != "kl_question"}
    assert 0 < marks[student]["kl_loss"] < POINTS["kl_loss"]
    assert scores == marks[student]


@pytest.mark.course
def test_validate_says_in_words_what_is_missing(course):
    folder = course.folder / "release" / ASSIGNMENT  # where the digits are
    for student in ("untouched", VARIANT):
        shutil.copy(course.submitted(student), folder / f"{student}.ipynb")
    printed = course.run("nbgrader", "validate", "untouched.ipynb", f"{VARIANT}.ipynb", cwd=folder).stdout
    failed, found, passed = printed.partition("Success! Your notebook passes all the tests.")
    assert found
    assert "VALIDATION FAILED ON 9 CELL(S)!" in failed
    assert failed.count("NOT YET") == 8
    assert "Hint    A `...` is still open on the way to this answer." in failed
    assert "Traceback" not in printed
    assert "FAILED" not in passed


# ---------------------------------------------------------------- pages


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    """Address -> the page's text and its picture (height, width, colour), as a headless Chromium has drawn them."""
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("needs Chromium, which draws the pages")
    folder = tmp_path_factory.mktemp("pages")
    quiet = ["headless", "no-sandbox", "disable-gpu", "disable-quic", "no-first-run", "disable-sync", "hide-scrollbars"]
    quiet += ["disable-background-networking", "disable-component-update", "virtual-time-budget=8000"]
    number = iter(range(100))

    def call(address, *options):
        profile = f"--user-data-dir={folder}/profile{next(number)}"
        command = [program, *(f"--{option}" for option in quiet), profile, *options, address]
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout

    def show(address):
        picture = folder / f"page{next(number)}.png"
        call(address, f"--screenshot={picture}", "--window-size=1280,900")
        return call(address, "--dump-dom"), plt.imread(picture)[:, :, :3]

    return show


@pytest.fixture(scope="module")
def formgrader(course):
    """Address of a Jupyter server with nbgrader's pages, for the course."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    config = course.folder.parent / "server_config.py"
    config.write_text(
        "c = get_config()\n"
        'c.ServerApp.jpserver_extensions = {"nbgrader.server_extensions.formgrader": True}\n'
        f"c.ServerApp.allow_root = True\nc.ServerApp.open_browser = False\nc.ServerApp.port = {port}\n"
        'c.ServerApp.ip = "127.0.0.1"\nc.IdentityProvider.token = ""\n'
    )
    with (course.folder.parent / "server.log").open("w") as log:
        server = course.start("jupyter", "server", f"--config={config}", log=log)
        address = f"http://127.0.0.1:{port}"
        try:
            wait_for(f"{address}/api", server)
            yield address
        finally:
            server.terminate()
            server.wait(20)


def wait_for(address, server, seconds=60):
    ends = time.monotonic() + seconds
    while True:
        assert server.poll() is None, "the server ended"
        assert time.monotonic() < ends, "the server did not answer"
        try:
            return urllib.request.urlopen(address, timeout=5).read()
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.2)


def drawn(picture):
    """Share of a picture's pixels that are clearly darker than its paper; a page without text has next to none."""
    return float((picture.min(axis=2) < picture.min(axis=2).max() - 0.3).mean())


@pytest.mark.course
def test_the_formgrader_lists_every_submission_with_its_score(browser, formgrader, marks):
    html, picture = browser(f"{formgrader}/formgrader/gradebook/{ASSIGNMENT}/cvae")
    assert drawn(picture) > 0.01
    rows = re.findall(r"<tr.*?</tr>", html, re.DOTALL)
    for student, scores in marks.items():
        row = next(row for row in rows if re.search(rf">\s*{student}\s*<", row))
        assert f"{sum(scores.values()):g} / 100" in row
        assert ("needs manual grade" in row) == (student in (*ANSWERED, "hostile", "garbage"))
        assert ("tests failed" in row) == (scores != POINTS)


@pytest.mark.course
def test_a_feedback_page_looks_right(browser, course):
    html, picture = browser((course.folder / "feedback" / "kl_not_reduced" / ASSIGNMENT / "cvae.html").as_uri())
    assert drawn(picture) > 0.01
    text = re.sub(r"<[^>]+>", "", html)
    assert "Score: 3.0 / 15.0" in text
    assert "kl_loss: wrong, 3 of 15 points" in text
    assert "Task 7: kl_loss" in text
