"""Which known mistake computes what a submission computed?

Every question that a failed task's checks put to the submission is put to the known mistakes of that task as well, in
the same order and with the same seeds. A mistake that gives the same answers is what the submission does.
"""

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from graders.checks import bank, fork
from graders.checks.asking import Exchange, Grading
from graders.checks.bank import Mistake
from graders.checks.inprocess import InProcess, TrustedWorker
from graders.checks.values import same
from graders.manifest import Manifest
from graders.sandbox import Raised, SubmissionFailure, WrongReturn

SECONDS = 20.0  # for all failed tasks of a submission together; one takes less than one
FEW = 4  # questions that a suspect is asked before all of them
View = Callable[[Sequence[Exchange]], list[Any]]
load = cache(bank.load)  # read when a task has failed, not before


@dataclass(frozen=True)
class Diagnosis:
    """What a submission's answers are those of: a mistake, or a group of equivalent ones, and the hint for it.

    `mistake` is None where several match that share no more than the hint.
    """

    mistake: str | None
    hint: str


def diagnose(grading: Grading, tasks: Sequence[str]) -> dict[str, Diagnosis]:
    """Task id -> Diagnosis, for those of the failed `tasks` that have one. The mistakes run in a fork."""
    manifest = grading.manifest
    asked = {task: exchanges for task in tasks if _comparable(exchanges := grading.exchanges.get(task, []))}
    if not asked or not load(manifest.name).mistakes:
        return {}

    def match(send: Callable[[Any], None]) -> None:
        for task, exchanges in asked.items():
            send((task, [mistake.id for mistake in matching(manifest, task, exchanges)]))

    named = {mistake.id: mistake for mistake in load(manifest.name).mistakes}
    diagnoses = {}
    for task, found in fork.results(match, SECONDS):
        if diagnosis := _in_common([named[name] for name in found]):
            diagnoses[task] = diagnosis
    return diagnoses


def matching(manifest: Manifest, task: str, exchanges: Sequence[Exchange]) -> list[Mistake]:
    """The known mistakes that cost points in `task` and give the answer of every exchange.

    Where there is none, and the assignment has a view on the task, those whose answers look the same through it.
    """
    everyone = _suspects(manifest, task)
    first, answers = _openings.get((manifest.name, task), (None, {}))
    suspects = everyone
    if first and _same_question(first, exchanges[0]):
        suspects = [m for m in everyone if m.id not in answers or same(exchanges[0].answer, answers[m.id])]
    found = [mistake for mistake in suspects if _matches(manifest, mistake, exchanges, list)]
    if not found and (view := _views(manifest).get(task)):
        # A few questions rule out most; each of the others is a call of every suspect.
        likely = [mistake for mistake in everyone if _matches(manifest, mistake, exchanges[:FEW], view)]
        found = [mistake for mistake in likely if _matches(manifest, mistake, exchanges, view)]
    return found


# (assignment, task) -> its first question, with the reference's answer, and the answer of each mistake
_openings: dict[tuple[str, str], tuple[Exchange, dict[str, Any]]] = {}


def learn_openings(manifest: Manifest, exchanges: dict[str, list[Exchange]]) -> None:
    """Put the first question of each task to all of its mistakes, once for all submissions to come: most are ruled out
    by it. `exchanges` are those of any submission, since the questions are always the same."""

    def answer(send: Callable[[Any], None]) -> None:
        for task, asked in exchanges.items():
            for mistake in _suspects(manifest, task):
                with InProcess(manifest.probes).worker(_source(manifest.name, mistake), manifest.files[0]) as worker:
                    send((task, mistake.id, _answer(worker, asked[0])))

    for task, name, given in fork.results(answer, SECONDS):
        _openings.setdefault((manifest.name, task), (exchanges[task][0], {}))[1][name] = given


def _suspects(manifest: Manifest, task: str) -> list[Mistake]:
    return [mistake for mistake in load(manifest.name).mistakes if task in (mistake.task, *mistake.also)]


def _same_question(one: Exchange, other: Exchange) -> bool:
    return (one.probe, one.seed) == (other.probe, other.seed) and same(one.arguments, other.arguments)


def _matches(manifest: Manifest, mistake: Mistake, exchanges: Sequence[Exchange], view: View) -> bool:
    """Whether the answers of `mistake` to the questions of `exchanges` agree with theirs, seen through `view`."""
    source = _source(manifest.name, mistake)
    with InProcess(manifest.probes).worker(source, manifest.files[0]) as worker:
        if view is list:  # answer by answer: most mistakes are ruled out by the first
            return all(same(exchange.answer, _answer(worker, exchange)) for exchange in exchanges)
        answers = [replace(exchange, answer=_answer(worker, exchange)) for exchange in exchanges]
    return all(map(same, view(exchanges), view(answers)))


def _views(manifest: Manifest) -> dict[str, View]:
    """The assignment's own views, by task; most need none."""
    if not (manifest.folder / "views.py").exists():
        return {}
    views: dict[str, View] = importlib.import_module(f"graders.{manifest.name}.views").VIEWS
    return views


def _comparable(exchanges: Sequence[Exchange]) -> bool:
    """Whether there is anything to compare: a process that ended or hung is no known mistake's answer."""
    failures = [exchange.answer for exchange in exchanges if isinstance(exchange.answer, SubmissionFailure)]
    return bool(exchanges) and all(isinstance(failure, (Raised, WrongReturn)) for failure in failures)


def _answer(worker: TrustedWorker, exchange: Exchange) -> Any:
    try:
        return worker.ask(exchange.probe, seed=exchange.seed, **exchange.arguments)
    except SubmissionFailure as failure:
        return failure


def _in_common(found: Sequence[Mistake]) -> Diagnosis | None:
    """What to say of mistakes that give the same answers: what they have in common of name and hint."""
    names, hints = {mistake.group or mistake.id for mistake in found}, {mistake.hint for mistake in found}
    if len(found) == 1:
        return Diagnosis(found[0].id, found[0].hint)
    if len(hints) != 1:
        return None
    return Diagnosis(names.pop() if len(names) == 1 else None, hints.pop())


@cache
def _source(assignment: str, mistake: Mistake) -> bytes:
    return mistake.source(load(assignment).reference).encode()
