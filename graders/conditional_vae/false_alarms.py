"""Find out how often right submissions are accused: `python -m graders.conditional_vae.false_alarms [--check]`.

Grades the reference and five unusual variants with SEEDS seeds each, and computes for each check that depends on luck
the bound on its false alarms and the smallest fault that it is sure to catch (`exact_checks.py`,
`cvaekit.statistics`). Takes about eight minutes on two free cores. With --check it only compares false_alarms.json with
the checks as they are, and simulates a few seeds.
"""

import importlib
import inspect
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

import torch
from scipy import stats  # type: ignore[import-untyped]

from cvaekit import bank
from cvaekit.grading.failure import Failure
from cvaekit.grading.questions import SubmissionHandle
from cvaekit.grading.replay import Check
from cvaekit.grading.session import versions
from cvaekit.kit import SHIPPED
from cvaekit.statistics import detectable_effect, normality_tests, simulation
from cvaekit.statistics.false_alarms import Row, Table, differences, digest, load, save
from cvaekit.statistics.simulation import KeptWorkers
from cvaekit.submission.intake import Submission
from graders.conditional_vae import test_reparameterize as checks
from graders.conditional_vae import test_training as training
from graders.conditional_vae.exact_checks import ASSIGNMENT, EXACT, IDENTITY, NOISE
from graders.conditional_vae.network import NETWORK
from graders.cvae import images, noise, whole_model
from graders.cvae.training import Run

COMMAND = "python -m graders.conditional_vae.false_alarms"
UNUSUAL = ("noise_by_box_muller", "noise_by_inverse_cdf", "noise_of_numpy", "std_in_float64", "noise_subtracted")
SEEDS, FEW_SEEDS = 2000, 5  # for each submission; the latter with --check
TRAINING_SEEDS = 5  # a training run takes three seconds
SHARE = 50  # seeds that one process is handed at a time
# Nothing in these tasks draws a number, so that a submission's answers are the same for every seed.
WITHOUT_CHANCE = ("encoder_dims", "decoder_dims", "encode", "decode", "reconstruction_loss", "kl_loss")
FILES = [
    *(
        f"cvaekit/statistics/{name}.py"
        for name in ("detectable_effect", "false_alarms", "normality_tests", "simulation")
    ),
    *(f"graders/conditional_vae/{name}.py" for name in ("exact_checks", "false_alarms", "network", "probes")),
    *(
        f"graders/cvae/{name}.py"
        for name in ("examples", "model_probes", "network", "noise", "probes", "scoring", "training", "whole_model")
    ),
    *(f"graders/conditional_vae/test_{name}.py" for name in ("reparameterize", "training")),
    "reference/conditional_vae/cvae.py",
]

Key = tuple[str, str]  # check id and test
# The checks of training that ask for no run: what they hold a submission to, and the fault that shows.
GIVEN: dict[str, tuple[Check, str]] = {
    "forward": (
        partial(whole_model.forward_as_given, NETWORK),
        "reconstruction, mu or logvar that the parts, called one after the other, do not give",
    ),
    "own_weights": (
        partial(whole_model.fresh_weights, NETWORK),
        "outputs that are the same for every image, or a single number that is not finite",
    ),
}


@cache
def submissions() -> dict[str, Submission]:
    """The right submissions that are simulated, by name."""
    known = {entry.id: entry for entry in bank.load(ASSIGNMENT).variants}
    texts = {name: known[name].source(ASSIGNMENT.reference_text) for name in UNUSUAL}
    texts = {"reference": bank.solution(ASSIGNMENT)} | texts
    return {name: Submission(name, "cvae.py", text.encode()) for name, text in texts.items()}


def all_checks() -> Iterator[tuple[str, str, Check]]:
    """Task id, name and function of every check of the assignment, in the order of the report."""
    for task in ASSIGNMENT.tasks:
        module = importlib.import_module(f"graders.{ASSIGNMENT.name}.test_{task.id}")
        for name, value in vars(module).items():
            if name.startswith("test_") and inspect.isfunction(value):
                yield task.id, name.removeprefix("test_"), value


def tests_of(check: Check) -> tuple[normality_tests.Test, ...]:
    """The tests that a check runs on the noise; none for another check."""
    return simulation.default_of(check, "tests") or ()


# ---------------------------------------------------------------- simulation


@cache
def workers() -> KeptWorkers:
    return KeptWorkers(ASSIGNMENT)


def alarms(name: str, stray: int) -> list[Key]:
    """What complains of the right submission `name` in one run of luck."""
    submission, found, drawn = submissions()[name], [], None
    workers().seed_offset = stray
    for given, (check, _) in GIVEN.items():
        if simulation.fails(check, ASSIGNMENT.task("training"), ASSIGNMENT, submission, workers()):
            found.append((f"training.{given}", given))
    for task, check_name, check in all_checks():
        if task != "reparameterize":
            continue
        if tests := tests_of(check):
            if drawn is None:  # both checks judge one sample
                graded = simulation.grading(ASSIGNMENT, submission, workers())
                drawn = checks.sample(SubmissionHandle(graded, NOISE))
            wrong = [test.__name__ for test in tests if test(drawn)]
        else:
            wrong = [check_name] if simulation.fails(check, NOISE, ASSIGNMENT, submission, workers()) else []
        found += [(f"{task}.{check_name}", test) for test in wrong]
    return found


def share_of_alarms(name: str, strays: range) -> Counter[Key]:
    return Counter(key for stray in strays for key in alarms(name, stray))


def training_run(name: str, stray: int) -> tuple[float, float, bool]:
    """Nats, KL, and whether the check failed, of one training run with another noise."""
    kept, task = KeptWorkers(ASSIGNMENT, stray), ASSIGNMENT.task("training")
    graded = simulation.grading(ASSIGNMENT, submissions()[name], kept, images.shipped())
    failed = False
    try:
        training.learn(SubmissionHandle(graded, task))
    except Failure:
        failed = True
    if not graded.metrics:
        raise RuntimeError(f"{name} does not train")
    nats, kl = (metric.value for metric in graded.metrics["training"])
    return nats, kl, failed


# ---------------------------------------------------------------- training


def training_row(check: str, outcomes: list[tuple[float, float]], failed: int) -> Row:
    """By Student's law for one more run, the outcomes of `outcomes` being normal: no bound without this assumption."""
    limits = ASSIGNMENT.setting("training", Run)
    runs = len(outcomes)
    columns = torch.tensor(outcomes, dtype=torch.float64)
    means, spreads = columns.mean(0).tolist(), (columns.std(0) * math.sqrt(1 + 1 / runs)).tolist()
    distances = [(limits.limit - means[0]) / spreads[0], (means[1] - limits.kl_floor) / spreads[1]]
    alpha = float(sum(stats.t.sf(distance, runs - 1) for distance in distances))
    worse = limits.limit - means[0] + float(stats.t.isf(detectable_effect.MISS, runs - 1)) * spreads[0]
    bound = "Student's law for a further run, taking the outcomes for normal"
    return Row(check, "learns", bound, alpha, runs, failed, "nats per image above the mean of right submissions", worse)


# ---------------------------------------------------------------- the table


def rows(
    found: Counter[Key], runs: int, trained: list[tuple[float, float]], all_found: Iterable[tuple[str, str, Check]] = ()
) -> list[Row]:
    """The table; LookupError for a check that is neither in it nor declared as one without chance."""
    table = []
    for task, name, check in all_found or all_checks():
        check_id = f"{task}.{name}"
        if task in WITHOUT_CHANCE:
            continue
        if tests := tests_of(check):
            for test in tests:
                key, bound = (check_id, test.__name__), _bound(test)
                fault, size = detectable_effect.smallest_fault(test, checks.SAMPLE)
                if test is normality_tests.repeats:
                    size /= 1 - noise.LOST
                table.append(Row(*key, bound, normality_tests.ALPHA, runs, found[key], fault, size))
        elif task == "reparameterize" and name in EXACT:
            exact, key = EXACT[name], (check_id, name)
            table.append(Row(*key, exact.bound, exact.alpha(check), runs, found[key], exact.fault, exact.size(check)))
        elif task == "training" and name in GIVEN:
            table.append(Row(check_id, name, IDENTITY, 0.0, runs, found[check_id, name], GIVEN[name][1], None))
        elif check_id == "training.learns":
            table.append(training_row(check_id, trained, found[check_id, name]))
        else:
            raise LookupError(f"{check_id} has no row in the false-alarm table; see {COMMAND.split()[-1]}")
    return table


def _bound(test: normality_tests.Test) -> str:
    """What the test's docstring says of it."""
    return " ".join((test.__doc__ or "").partition("Bound: ")[2].partition("\n\n")[0].split()).rstrip(".")


def depends_on() -> dict[str, str]:
    """A digest of all that the table was made from."""
    contents = {name: (SHIPPED / name).read_bytes() for name in FILES}
    contents |= {f"variant {name}": submissions()[name].source for name in UNUSUAL}
    contents["[training] of the manifest"] = json.dumps(ASSIGNMENT.settings["training"], sort_keys=True).encode()
    return {name: digest(content) for name, content in contents.items()}


def generate(processes: int) -> Table:
    found: Counter[Key] = Counter()
    trained: list[tuple[float, float]] = []
    learns = ("training.learns", "learns")
    shares = [range(start, min(start + SHARE, SEEDS)) for start in range(0, SEEDS, SHARE)]
    with ProcessPoolExecutor(processes, get_context("spawn"), torch.set_num_threads, (1,)) as pool:
        longest = [pool.submit(training_run, name, seed) for name in submissions() for seed in range(TRAINING_SEEDS)]
        others = [pool.submit(share_of_alarms, name, share) for name in submissions() for share in shares]
        waiting: list[Future[Any]] = [*longest, *others]
        for number, future in enumerate(as_completed(waiting), start=1):
            future.result()
            print(f"\r{number} of {len(waiting)} shares", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    for one in longest:
        nats, kl, failed = one.result()
        trained.append((nats, kl))
        found[learns] += failed
    for other in others:
        found += other.result()
    return Table(
        COMMAND,
        versions()["torch"],
        list(submissions()),
        depends_on(),
        trained,
        rows(found, SEEDS * len(submissions()), trained),
    )


def stale() -> list[str]:
    """What is out of date in the stored table, and what a few runs of luck accuse; nothing when all is well."""
    try:
        stored = load(ASSIGNMENT)
    except (OSError, ValueError, TypeError) as error:
        return [f"the table cannot be read: {error}"]
    found = differences(stored, depends_on(), rows(Counter(), 0, stored.trained))
    fresh = range(SEEDS, SEEDS + FEW_SEEDS)
    accused = {(name, key) for name in submissions() for stray in fresh for key in alarms(name, stray)}
    return found + [f"{' '.join(key)} accuses {name}" for name, key in sorted(accused)]


def main(arguments: list[str]) -> int:
    torch.set_num_threads(1)
    if arguments == ["--check"]:
        if found := stale():
            print("\n".join(found), f"false_alarms.json is out of date; run {COMMAND}", sep="\n", file=sys.stderr)
        return 1 if found else 0
    table = generate(os.cpu_count() or 1)
    save(table, ASSIGNMENT)
    alarmed = sum(row.alarms for row in table.rows)
    print(f"{len(table.rows)} rows, {alarmed} false alarms")
    return 1 if alarmed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
