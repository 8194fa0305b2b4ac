"""A temporary nbgrader course, and what is handed in to it."""

import csv
import os
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import hand_in
import nbformat
from shipped import KIT, ROOT

from cvaekit import bank

ASSIGNMENT, NOTEBOOK = "conditional_vae", "cvae.ipynb"
SUBMISSIONS = Path(__file__).parents[1] / "submissions"
ANSWER = "It starts near zero and rises, since each nat of code saves more than a nat of reconstruction."
MISTAKES = (  # most of them cannot train, which saves time
    "encoder_label_forgotten",
    "decoder_image_counted_too",
    "encode_cat_rows",
    "std_is_variance",
    "bce_per_pixel",
    "kl_not_reduced",
)
VARIANT = "kl_of_distributions"
ANSWERED = ("right", VARIANT)  # those with an answer to the written question


class Course:
    """A course's folder, and the environment in which its commands run."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.log: dict[str, str] = {}  # what each command printed

    def run(self, *command, cwd=None, check=True):
        """Run a command of this environment as the shell would, and keep what it printed."""
        result = subprocess.run(
            **self._call(command, cwd), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300
        )
        self.log[command[1]] = result.stdout
        assert not check or result.returncode == 0, result.stdout
        return result

    def start(self, *command, log):
        """Start a command that goes on until it is ended, and writes to the file `log`."""
        return subprocess.Popen(**self._call(command, None), stdout=log, stderr=subprocess.STDOUT)

    def _call(self, command, cwd):
        scripts = Path(sys.executable).parent
        keep = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "CVAEKIT_DATA")}
        keep["PATH"] = f"{scripts}:{os.environ['PATH']}"
        keep |= {"JUPYTER_CONFIG_DIR": f"{self.folder.parent}/jupyter", "IPYTHONDIR": f"{self.folder.parent}/ipython"}
        return {"args": [scripts / command[0], *map(str, command[1:])], "cwd": cwd or self.folder, "env": keep}

    @property
    def released(self) -> str:
        return (self.folder / "release" / ASSIGNMENT / NOTEBOOK).read_text(encoding="utf-8")

    @property
    def instructors(self) -> str:
        notebook = nbformat.read(self.folder / "source" / ASSIGNMENT / NOTEBOOK, as_version=4)
        return "\n".join(cell.source for cell in notebook.cells)

    def submitted(self, student: str) -> Path:
        return self.folder / "submitted" / student / ASSIGNMENT / NOTEBOOK

    def hand_in(self, notebooks: dict[str, str]) -> None:
        for student, text in notebooks.items():
            self.submitted(student).parent.mkdir(parents=True)
            self.submitted(student).write_text(text, encoding="utf-8")

    def rows(self) -> list[dict[str, str]]:
        with (self.folder / "tasks.csv").open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    def marks(self) -> dict[str, dict[str, float]]:
        """Student -> task -> score, as exported from the gradebook; without the question that people grade."""
        marks: dict[str, dict[str, float]] = defaultdict(dict)
        for row in self.rows():
            if row["task"] != "kl_question":
                marks[row["student_id"]][row["task"]] = float(row["score"])
        return marks


def solutions() -> dict[str, str]:
    """Student -> text of an honest .py submission: two right ones, the starter's, six mistakes of the bank."""
    entries = bank.load(KIT.assignment(ASSIGNMENT))
    known = {entry.id: entry for entry in (*entries.mistakes, *entries.variants)}
    texts = {name: known[name].source(entries.reference) for name in (VARIANT, *MISTAKES)}
    starter = ROOT / "assignments" / ASSIGNMENT / "cvae_starter.py"
    texts |= {"right": (SUBMISSIONS / "right.py").read_text(), "untouched": starter.read_text()}
    return texts


def hand_ins(released: str) -> dict[str, str]:
    """Twelve notebooks by student: the honest ones, and three that are out for trouble."""
    notebooks = {name: hand_in.filled(released, text) for name, text in solutions().items()}
    for student in ANSWERED:
        notebooks[student] = hand_in.answered(notebooks[student], ANSWER)
    texts = {name: nbformat.writes(notebook) for name, notebook in notebooks.items()} | {"untouched": released}
    return texts | {
        "tampered": hand_in.tampered(hand_in.filled(released, solutions()["bce_per_pixel"])),
        "hostile": hand_in.hostile(notebooks["right"]),
        "garbage": '{"cells": [',
    }
