"""Find the known mistake that computes what a submission computed, or explain what it computed instead.

Every question that the checks of a failed task asked is asked of the known mistakes of that task as well, in the same
order and with the same seeds. A mistake that gives the same answers is what the submission does. Where there is none,
the assignment's explanations.py may tell from the answers what is wrong with them.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from cvaekit.bank import Mistake, load
from cvaekit.compare import same
from cvaekit.explain import fork
from cvaekit.kit import Assignment
from cvaekit.sandbox import Raised, SubmissionFailure, WrongReturn
from cvaekit.sandbox.exchange import Exchange
from cvaekit.sandbox.in_process import InProcess, TrustedWorker

# For all failed tasks of a submission together, which take less than one. Points may depend on the answer, and known
# mistakes come to an end, so that only a machine in trouble needs as long.
SECONDS = 300.0
FEW = 4  # questions that a suspect is asked before all of them
Features = Callable[[Sequence[Exchange]], list[Any]]


@dataclass(frozen=True)
class Diagnosis:
    """What a submission's answers are those of: a mistake, or a group of equivalent ones, and the hint for it.

    `mistake` is None where several match that share no more than the hint, and where none does and the answers
    themselves were explained. A near miss `keeps` points.
    """

    mistake: str | None
    hint: str
    keeps: float = 0.0


def diagnose(assignment: Assignment, asked: Mapping[str, Sequence[Exchange]]) -> dict[str, Diagnosis]:
    """Task id -> Diagnosis, for those tasks of `asked` that have one. The mistakes run in a fork.

    asked: task id -> the questions of its checks, for tasks that failed.
    """
    comparable = {task: exchanges for task, exchanges in asked.items() if _comparable(exchanges)}
    if not comparable:
        return {}

    def match(send: Callable[[Any], None]) -> None:
        for task, exchanges in comparable.items():
            found = [mistake.id for mistake in matching(assignment, task, exchanges)]
            send((task, found, [] if found else _explained(assignment, task, exchanges)))

    named = {mistake.id: mistake for mistake in load(assignment).mistakes}
    diagnoses = {}
    for task, found, sentences in fork.results(match, SECONDS):
        if diagnosis := _in_common([named[name] for name in found]):
            diagnoses[task] = diagnosis
        elif sentences:
            diagnoses[task] = Diagnosis(None, " ".join(sentences))
    return diagnoses


def _explained(assignment: Assignment, task: str, exchanges: Sequence[Exchange]) -> list[str]:
    """What the assignment says of answers that are no known mistake's. Exceptions have a hint of their own."""
    if any(isinstance(exchange.answer, SubmissionFailure) for exchange in exchanges):
        return []
    explain = _functions(assignment, "explanations", "EXPLANATIONS").get(task)
    return explain(exchanges) if explain else []


def matching(assignment: Assignment, task: str, exchanges: Sequence[Exchange]) -> list[Mistake]:
    """The known mistakes that cost points in `task` and give the answer of every exchange.

    Where there is none, and the assignment extracts features for the task, those whose features are the same.
    """
    everyone = _suspects(assignment, task)
    first, answers = _openings.get((assignment, task), (None, {}))
    suspects = everyone
    if first and _same_question(first, exchanges[0]):
        suspects = [m for m in everyone if m.id not in answers or same(exchanges[0].answer, answers[m.id])]
    found = [mistake for mistake in suspects if _matches(assignment, mistake, exchanges, list)]
    if not found and (extract := _features(assignment).get(task)):
        # A few questions rule out most; each of the others is a call of every suspect.
        likely = [mistake for mistake in everyone if _matches(assignment, mistake, exchanges[:FEW], extract)]
        found = [mistake for mistake in likely if _matches(assignment, mistake, exchanges, extract)]
    return found


# (assignment, task) -> its first question, with the reference's answer, and the answer of each mistake
_openings: dict[tuple[Assignment, str], tuple[Exchange, dict[str, Any]]] = {}


def learn_openings(assignment: Assignment, exchanges: Mapping[str, Sequence[Exchange]]) -> None:
    """Ask all mistakes the first question of their task, once for all submissions to come: it rules out most of them.

    exchanges: those of any submission by task id, since the questions are always the same.
    """

    def answer(send: Callable[[Any], None]) -> None:
        for task, asked in exchanges.items():
            for mistake in _suspects(assignment, task):
                with _worker(assignment, mistake) as worker:
                    send((task, mistake.id, _answer(worker, asked[0])))

    slow = {task.id for task in assignment.tasks if task.slow}  # is not diagnosed
    exchanges = {task: asked for task, asked in exchanges.items() if task not in slow}
    for task, name, given in fork.results(answer, SECONDS):
        _openings.setdefault((assignment, task), (exchanges[task][0], {}))[1][name] = given


def _suspects(assignment: Assignment, task: str) -> list[Mistake]:
    return [mistake for mistake in load(assignment).mistakes if task in (mistake.task, *mistake.also)]


def _worker(assignment: Assignment, mistake: Mistake) -> TrustedWorker:
    return InProcess(assignment.probes, assignment.kit.root).worker(_source(assignment, mistake), assignment.files[0])


def _same_question(one: Exchange, other: Exchange) -> bool:
    return (one.probe, one.seed) == (other.probe, other.seed) and same(one.arguments, other.arguments)


def _matches(assignment: Assignment, mistake: Mistake, exchanges: Sequence[Exchange], extract: Features) -> bool:
    """Whether the answers of `mistake` to the questions of `exchanges` have the same features as theirs."""
    with _worker(assignment, mistake) as worker:
        if extract is list:  # answer by answer: most mistakes are ruled out by the first
            return all(same(exchange.answer, _answer(worker, exchange)) for exchange in exchanges)
        answers = [replace(exchange, answer=_answer(worker, exchange)) for exchange in exchanges]
    return all(map(same, extract(exchanges), extract(answers)))


def _features(assignment: Assignment) -> dict[str, Features]:
    """Task id -> what to compare instead of whole answers."""
    return _functions(assignment, "features", "FEATURES")


def _functions(assignment: Assignment, module: str, name: str) -> dict[str, Callable[[Sequence[Exchange]], list[Any]]]:
    """The table `name` of an optional file of the assignment's."""
    if not (assignment.folder / f"{module}.py").exists():
        return {}
    found: dict[str, Features] = getattr(importlib.import_module(f"graders.{assignment.name}.{module}"), name)
    return found


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
    if len(hints) != 1:  # none at all, or several that disagree
        return None
    name = found[0].id if len(found) == 1 else names.pop() if len(names) == 1 else None
    return Diagnosis(name, hints.pop(), min(mistake.keeps for mistake in found))


@cache
def _source(assignment: Assignment, mistake: Mistake) -> bytes:
    return mistake.source(assignment.reference_text).encode()
