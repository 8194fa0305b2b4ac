"""How often right submissions are accused: `python -m graders.conditional_vae.false_alarms [--check]`.

Grades the reference and five unusual variants with SEEDS seeds each, and computes for each check that depends on luck
the bound on its false alarms and the smallest fault that it is sure to catch. Takes about eight minutes on two free
cores. With --check it only compares false_alarms.json with the checks as they are, and simulates a few seeds.
"""

import importlib
import inspect
import json
import math
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache, partial, wraps
from multiprocessing import get_context
from typing import Any

import torch
from scipy import optimize, stats  # type: ignore[import-untyped]
from torch import Tensor

from graders import digits, manifest
from graders.checks import bank, power, run
from graders.checks import noise as noise_tests
from graders.checks.asking import Asker, Grading, Workers
from graders.checks.failure import Failure
from graders.checks.false_alarms import Row, Table, differences, digest, load, save
from graders.checks.inprocess import InProcess, TrustedWorker
from graders.submission import source as sources
from graders.submission.intake import Submission

checks, training = (  # typed as Any: check files carry no annotations
    importlib.import_module(f"graders.conditional_vae.test_{task}") for task in ("reparameterize", "training")
)

COMMAND = "python -m graders.conditional_vae.false_alarms"
NAME = "conditional_vae"
ASSIGNMENT = manifest.load(NAME)
UNUSUAL = ("noise_by_box_muller", "noise_by_inverse_cdf", "noise_of_numpy", "std_in_float64", "noise_subtracted")
SEEDS, FEW_SEEDS = 2000, 5  # for each submission; the latter with --check
TRAINING_SEEDS = 5  # a training run takes three seconds
SHARE = 50  # seeds that one process is handed at a time
# Nothing in these tasks draws a number, so that a submission's answers are the same for every seed.
WITHOUT_CHANCE = ("encoder_dims", "decoder_dims", "encode", "decode", "reconstruction_loss", "kl_loss")
FILES = [
    *(f"graders/checks/{name}.py" for name in ("false_alarms", "inprocess", "noise", "power")),
    *(f"graders/conditional_vae/{name}.py" for name in ("false_alarms", "inputs", "probes", "score")),
    *(f"graders/conditional_vae/test_{name}.py" for name in ("reparameterize", "training")),
    "reference/conditional_vae/cvae.py",
]

Check = Callable[..., None]
Answer = dict[str, Any]
Key = tuple[str, str]  # check id and test


@cache
def submissions() -> dict[str, Submission]:
    """The right submissions that are simulated, by name."""
    entries = bank.load(NAME)
    found = {entry.id: entry for entry in entries.variants}
    texts = {"reference": entries.reference} | {name: found[name].source(entries.reference) for name in UNUSUAL}
    return {name: Submission(name, "cvae.py", text.encode()) for name, text in texts.items()}


def all_checks(assignment: manifest.Manifest = ASSIGNMENT) -> Iterator[tuple[str, str, Check]]:
    """Task id, name and function of every check of the assignment, in the order of the report."""
    for task in assignment.tasks:
        module = importlib.import_module(f"graders.{assignment.name}.test_{task.id}")
        for name, value in vars(module).items():
            if name.startswith("test_") and inspect.isfunction(value):
                yield task.id, name.removeprefix("test_"), value


def tests_of(check: Check) -> tuple[noise_tests.Test, ...]:
    """The tests that a check runs on the noise; none for another check."""
    parameter = inspect.signature(check).parameters.get("tests")
    return parameter.default if parameter else ()


# ---------------------------------------------------------------- simulation


class Kept(InProcess):
    """Keeps its workers, one for each source: to import it and to build its models anew would take most of the time."""

    def __init__(self) -> None:
        super().__init__(ASSIGNMENT.probes)
        self._workers: dict[bytes, KeptWorker] = {}

    def worker(self, source: bytes, filename: str, **options: Any) -> "KeptWorker":
        return self._workers.setdefault(source, KeptWorker(self, source, filename, 0))


class KeptWorker(TrustedWorker):
    def close(self) -> None:
        pass


@cache
def home(name: str = "") -> Kept:
    """Where the check `name` finds its workers."""
    return Kept() if name in ("", "eval_mode") else home()  # a model that was asked in eval mode stays in it


def grading(submission: Submission, workers: Workers, data: Any = None) -> Grading:
    return Grading(ASSIGNMENT, submission, _source(submission), workers, data=data)


_source = cache(partial(sources.read, manifest=ASSIGNMENT))


@cache
def calls(check: Check) -> list[tuple[Check, dict[str, Any]]]:
    """The calls that make up one grading with `check`: the same examples each time where hypothesis draws them."""
    if not hasattr(check, "hypothesis"):
        return [(check, {})]
    inner, examples = check.hypothesis.inner_test, []

    @wraps(inner)  # its source is what the examples depend on
    def recorder(submission: None, **example: Any) -> None:
        examples.append((inner, example))

    check.hypothesis.inner_test = recorder
    try:
        check(submission=None)
    finally:
        check.hypothesis.inner_test = inner
    return examples


def fails(check: Check, submission: Submission, workers: Workers) -> bool:
    """Whether `check` of the task reparameterize complains, be it only with a remark."""
    graded = grading(submission, workers)
    try:
        for function, example in calls(check):
            function(submission=Asker(graded, ASSIGNMENT.task("reparameterize")), **example)
    except Failure:
        return True
    return bool(graded.notes)


def alarms(name: str, stray: int) -> list[Key]:
    """What complains of the right submission `name` in one run of luck."""
    submission, found, drawn = submissions()[name], [], None
    for task, check_name, check in all_checks():
        if task != "reparameterize":
            continue
        workers = home(check_name)
        workers.stray = stray
        if tests := tests_of(check):
            if drawn is None:  # both checks judge one sample
                drawn = checks.sample(Asker(grading(submission, workers), ASSIGNMENT.task(task)))
            wrong = [test.__name__ for test in tests if test(drawn)]
        else:
            wrong = [check_name] if fails(check, submission, workers) else []
        found += [(f"{task}.{check_name}", test) for test in wrong]
    return found


def share_of_alarms(name: str, strays: range) -> Counter[Key]:
    return Counter(key for stray in strays for key in alarms(name, stray))


def training_run(name: str, stray: int) -> tuple[float, float, bool]:
    """Nats, KL, and whether the check failed, of one training run with another noise."""
    graded = grading(submissions()[name], InProcess(ASSIGNMENT.probes, stray), digits.load())
    failed = False
    try:
        training.test_learns(Asker(graded, ASSIGNMENT.task("training")))
    except Failure:
        failed = True
    if graded.training is None:
        raise RuntimeError(f"{name} does not train")
    return graded.training["nats"], graded.training["kl"], failed


# ---------------------------------------------------------------- checks that hold for every draw


@dataclass
class Altered:
    """Stands where an InProcess stands. `change` alters each answer, being told how many there were before."""

    change: Callable[[Answer, int, Answer], None]
    asked: list[Answer] = field(default_factory=list)

    def worker(self, source: bytes, filename: str, **options: Any) -> TrustedWorker:
        worker = KeptWorker(home(), source, filename, 0)
        ask = home().worker(source, filename).ask

        def altered(probe: str, /, **arguments: Any) -> Any:
            answer = ask(probe, **arguments)
            if probe == "reparameterize":
                self.change(answer, len(self.asked), arguments)
            self.asked.append(arguments)
            return answer

        worker.ask = altered  # type: ignore[method-assign]
        return worker


def smallest(check: Check, change: Callable[[float, Answer, int, Answer], None]) -> float:
    """The smallest size between 1e-9 and 1 of a change that `check` notices, by bisection through the check.

    Certain where the change trips the check whatever was drawn, as all changes below do.
    """
    low, high = 1e-9, 1.0
    while high / low > 1.0005:
        middle = math.sqrt(low * high)
        noticed = fails(check, submissions()["reference"], Altered(partial(change, middle)))
        low, high = (low, middle) if noticed else (middle, high)
    return high


def gradient_of_mu_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    answer["gradients"]["mu"] *= 1 + size


def sample_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    answer["z"] *= 1 + size


def inputs_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    answer["inputs_after"][0] *= 1 + size


def noise_off(size: float, answer: Answer, call: int, asked: Answer) -> None:
    """Noise that grows by `size` once mu and logvar are others. All of it is as large, which is the hardest case: the
    tolerance is relative to the mean size, and no draw has a largest number below its mean."""
    spread = 1000 * (1 + size * (call > 1)) * torch.exp(asked["logvar"].double() / 2)  # 1000, beyond the rounding of mu
    answer["z"] = (asked["mu"].double() + spread).to(asked["mu"].dtype)


def not_finite(answer: Answer, call: int, asked: Answer) -> None:
    answer["z"][0, 0] = math.inf


def unaltered(answer: Answer, call: int, asked: Answer) -> None:
    pass


def sees_the_infinite(check: Check) -> None:
    """No size, since a single number is enough; RuntimeError when it is not."""
    if not fails(check, submissions()["reference"], Altered(not_finite)):
        raise RuntimeError("a number that is not finite passes")


def questions(check: Check) -> list[tuple[Tensor, Tensor]]:
    """mu and logvar, float64, of all that `check` asks; the same in every grading."""
    recorder = Altered(unaltered)
    fails(check, submissions()["reference"], recorder)
    return [(asked["mu"].double(), asked["logvar"].double()) for asked in recorder.asked]


def all_within(limit: Tensor, logvar: Tensor) -> float:
    """The chance that every number of the noise, spread by exp(logvar / 2), is at most `limit` in size."""
    return float(torch.special.erf(limit / torch.exp(logvar / 2) / math.sqrt(2)).log().sum().exp())


def vanishing(check: Check) -> float:
    """A bound on the chance that in any question z differs from mu by no more than rounding, here 1e-6 of its size."""
    return sum(all_within(1e-6 * (mu.abs().mean() + mu.abs()), logvar) for mu, logvar in questions(check))


def rate_error(check: Check) -> float:
    """The smallest relative error of dz/dlogvar that goes unnoticed in all questions once in a million times, by the
    normal law of each number of the noise."""
    asked = questions(check)

    def missed(error: float) -> float:
        chance = 1.0
        for mu, logvar in asked:  # error * added / 2 must exceed the slack, which is fixed + relative * added
            fixed = checks.rate_slack(torch.zeros_like(mu), mu)
            relative = checks.rate_slack(torch.ones_like(mu), mu) - fixed
            room = error / 2 - relative
            limit = torch.where(room > 0, fixed / room.clamp(min=1e-12), torch.inf)
            chance *= all_within(limit, logvar)
        return chance - power.MISS

    return float(optimize.brentq(missed, 1e-9, 1.0))


@dataclass(frozen=True)
class Exact:
    """A check whose answer holds noise, and which holds for every draw. Its fault in words, and its size."""

    bound: str
    fault: str
    size: Callable[[Check], float | None]
    alpha: Callable[[Check], float] = lambda check: 0.0


IDENTITY = "holds for every draw, within a tolerance for rounding"
EXACT = {
    "gradient_of_mu": Exact(
        IDENTITY, "relative error of the gradient of mu", lambda check: smallest(check, gradient_of_mu_off)
    ),
    "gradient_of_logvar": Exact(
        f"{IDENTITY}, unless all noise is lost in rounding",
        "relative error of the gradient of logvar",
        rate_error,
        vanishing,
    ),
    "limit": Exact(IDENTITY, "relative error of z without spread", lambda check: smallest(check, sample_off)),
    "same_noise": Exact(
        IDENTITY, "relative change of the noise with mu and logvar", lambda check: smallest(check, noise_off)
    ),
    "sizes": Exact(
        "holds for every draw",
        "any other shape or number type, or a single number that is not finite",
        sees_the_infinite,
    ),
    "inputs_unchanged": Exact(IDENTITY, "relative change of mu or logvar", lambda check: smallest(check, inputs_off)),
    "eval_mode": Exact(
        "advice only; given unless z differs from mu", "z that is mu itself", lambda check: None, vanishing
    ),
}


# ---------------------------------------------------------------- training


def training_row(check: str, outcomes: list[tuple[float, float]], failed: int) -> Row:
    """By Student's law for one more run, the outcomes of `outcomes` being normal: no bound without this assumption."""
    limits = ASSIGNMENT.settings["training"]
    runs = len(outcomes)
    columns = torch.tensor(outcomes, dtype=torch.float64)
    means, spreads = columns.mean(0).tolist(), (columns.std(0) * math.sqrt(1 + 1 / runs)).tolist()
    distances = [(limits["limit"] - means[0]) / spreads[0], (means[1] - limits["kl_floor"]) / spreads[1]]
    alpha = float(sum(stats.t.sf(distance, runs - 1) for distance in distances))
    worse = limits["limit"] - means[0] + float(stats.t.isf(power.MISS, runs - 1)) * spreads[0]
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
                fault = power.smallest_fault(test, checks.SAMPLE)
                table.append(Row(*key, bound, noise_tests.ALPHA, runs, found[key], *fault))
        elif task == "reparameterize" and name in EXACT:
            exact, key = EXACT[name], (check_id, name)
            table.append(Row(*key, exact.bound, exact.alpha(check), runs, found[key], exact.fault, exact.size(check)))
        elif check_id == "training.learns":
            table.append(training_row(check_id, trained, found[check_id, name]))
        else:
            raise LookupError(f"{check_id} has no row in the false-alarm table; see {COMMAND.split()[-1]}")
    return table


def _bound(test: noise_tests.Test) -> str:
    """What the test's docstring says of it."""
    return " ".join((test.__doc__ or "").partition("Bound: ")[2].partition("\n\n")[0].split()).rstrip(".")


def depends_on() -> dict[str, str]:
    """A digest of all that the table was made from."""
    contents = {name: (manifest.ROOT / name).read_bytes() for name in FILES}
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
        run.versions()["torch"],
        list(submissions()),
        depends_on(),
        trained,
        rows(found, SEEDS * len(submissions()), trained),
    )


def stale() -> list[str]:
    """What is out of date in the stored table, and what a few runs of luck accuse; nothing when all is well."""
    try:
        stored = load(NAME)
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
    save(table, NAME)
    alarmed = sum(row.alarms for row in table.rows)
    print(f"{len(table.rows)} rows, {alarmed} false alarms")
    return 1 if alarmed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
