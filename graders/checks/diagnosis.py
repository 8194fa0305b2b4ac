"""Which known mistake computes what a submission computed?

Every question that a failed task's checks put to the submission is put to the known mistakes of that task as well, in
the same order and with the same seeds. A mistake that gives the same answers is what the submission does.
"""

import importlib
import json
import os
import select
import signal
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from graders.checks.asking import Exchange, Grading
from graders.checks.bank import Mistake
from graders.checks.bank import load as _load
from graders.checks.inprocess import InProcess, TrustedWorker, compiled
from graders.checks.values import same
from graders.manifest import Manifest
from graders.sandbox import Raised, SubmissionFailure, WrongReturn

SECONDS = 20.0  # for all failed tasks of a submission together; one takes less than one


FEW = 4  # questions that a suspect is asked before all of them
View = Callable[[Sequence[Exchange]], list[Any]]


@dataclass(frozen=True)
class Diagnosis:
    """What a submission's answers are those of: a mistake, or a group of equivalent ones, and the hint for it."""

    mistake: str
    hint: str


def diagnose(grading: Grading, tasks: Sequence[str]) -> dict[str, Diagnosis]:
    """Task id -> Diagnosis, for those of the failed `tasks` that have one.

    The mistakes run in a fork of this process: what one of them changes for good ends with it, and so does a mistake
    that never returns.
    """
    asked = {task: exchanges for task in tasks if _comparable(exchanges := grading.exchanges.get(task, []))}
    if not asked or not known(grading.manifest.name):
        return {}
    receiving, sending = os.pipe()
    child = os.fork()
    if not child:
        try:
            silence = os.open(os.devnull, os.O_WRONLY)
            os.dup2(silence, 1)
            os.dup2(silence, 2)
            for task, exchanges in asked.items():
                found = [mistake.id for mistake in matching(grading.manifest, task, exchanges)]
                os.write(sending, json.dumps([task, found]).encode() + b"\n")
        finally:
            os._exit(0)
    os.close(sending)
    named = {mistake.id: mistake for mistake in known(grading.manifest.name)}
    diagnoses = {}
    for task, found in map(json.loads, _lines(receiving, child)):
        if diagnosis := _in_common([named[name] for name in found]):
            diagnoses[task] = diagnosis
    return diagnoses


def matching(manifest: Manifest, task: str, exchanges: Sequence[Exchange]) -> list[Mistake]:
    """The known mistakes that cost points in `task` and give the answer of every exchange.

    Where there is none, and the assignment has a view on the task, those whose answers look the same through it.
    """
    suspects = [mistake for mistake in known(manifest.name) if task in (mistake.task, *mistake.also)]
    found = [mistake for mistake in suspects if _matches(manifest, mistake, exchanges, list)]
    if not found and (view := _views(manifest).get(task)):
        # A few questions rule out most; each of the others is a call of every suspect.
        likely = [mistake for mistake in suspects if _matches(manifest, mistake, exchanges[:FEW], view)]
        found = [mistake for mistake in likely if _matches(manifest, mistake, exchanges, view)]
    return found


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
    """What to say of mistakes that give the same answers: their name and hint, if they share one of each."""
    names, hints = {mistake.group or mistake.id for mistake in found}, {mistake.hint for mistake in found}
    if len(found) == 1:
        return Diagnosis(found[0].id, found[0].hint)
    return Diagnosis(names.pop(), hints.pop()) if len(names) == len(hints) == 1 else None


def _lines(receiving: int, child: int) -> Iterator[str]:
    """What the fork writes, line by line, until it ends or its time is over."""
    ends, text = time.monotonic() + SECONDS, b""
    try:
        while select.select([receiving], [], [], max(0.0, ends - time.monotonic()))[0]:
            part = os.read(receiving, 1 << 16)
            if not part:
                break
            *lines, text = (text + part).split(b"\n")
            yield from (line.decode() for line in lines)
    finally:
        os.close(receiving)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


load = cache(_load)


def known(assignment: str) -> tuple[Mistake, ...]:
    """The assignment's bank of mistakes."""
    return load(assignment).mistakes


def compile_sources(manifest: Manifest) -> None:
    """Do once what would otherwise be done after every fork."""
    for mistake in known(manifest.name):
        compiled(_source(manifest.name, mistake), manifest.files[0])


@cache
def _source(assignment: str, mistake: Mistake) -> bytes:
    return mistake.source(load(assignment).reference).encode()
