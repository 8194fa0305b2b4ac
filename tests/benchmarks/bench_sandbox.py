"""Measure what a worker costs: `python tests/benchmarks/bench_sandbox.py`.

Printed are medians of the time to start it, of a round trip, of the first optimizer and of its end, and its memory.
"""

import re
import statistics
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from cvaekit.kit import SHIPPED
from cvaekit.sandbox import Sandbox

RUNS = 20
WORKERS_AT_ONCE = 6
SUBMISSION = b"""
import torch
from torch import nn

def echo(x):
    return x

def step():
    model = nn.Sequential(nn.Linear(20, 5), nn.ReLU(), nn.Linear(5, 1))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.rand(7, 20)).sum().backward()
    optimizer.step()
"""
PROBES = Path(__file__).parent.parent / "sandbox" / "probes.py"


def timed(action: Callable[[], object]) -> float:
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def milliseconds(seconds: list[float]) -> str:
    return f"{1000 * statistics.median(seconds):8.2f} ms  (slowest {1000 * max(seconds):.2f}, {len(seconds)} runs)"


def private_bytes(pid: int) -> int:
    """Private memory of a process, by its pages."""
    smaps = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return 1024 * sum(int(size) for size in re.findall(r"Private_(?:Clean|Dirty):\s+(\d+)", smaps))


def start_and_end(sandbox: Sandbox) -> dict[str, list[float]]:
    found: dict[str, list[float]] = {"ready": [], "import": [], "first optimizer": [], "end": []}
    for _ in range(RUNS):
        started = time.perf_counter()
        worker = sandbox.worker(SUBMISSION, "cvae.py")
        worker.wait_ready()
        found["ready"].append(time.perf_counter() - started)
        found["import"].append(timed(worker.import_submission))
        found["end"].append(timed(worker.close))
    for _ in range(RUNS):  # last: the packages loaded for it make every later fork slower
        with sandbox.worker(SUBMISSION, "cvae.py", preload=["optim"]) as worker:
            worker.import_submission()
            found["first optimizer"].append(timed(partial(worker.ask, "call", name="step")))
    return found


def main() -> None:
    started = time.perf_counter()
    with Sandbox(PROBES, SHIPPED) as sandbox:
        import torch

        print(f"sandbox: {sandbox.isolation.summary}")
        print(f"{'zygote and self-test':<32} {time.perf_counter() - started:8.2f} s   (once)")
        found = start_and_end(sandbox)
        for name, budget in (("ready", " [30 ms]"), ("import", ""), ("first optimizer", ""), ("end", "")):
            print(f"{'worker: ' + name + budget:<32} {milliseconds(found[name])}")
        with ExitStack() as stack:
            workers = [stack.enter_context(sandbox.worker(SUBMISSION, "cvae.py")) for _ in range(WORKERS_AT_ONCE)]
            x = torch.rand(128, 784)
            for worker in workers:
                worker.ask("call", name="step")
                worker.ask("call", name="echo", x=x)
            trips = [timed(lambda: workers[0].ask("call", name="echo", x=x)) for _ in range(10 * RUNS)]
            print(f"{'round trip of (128, 784) [1 ms]':<32} {milliseconds(trips)}")
            private = [private_bytes(worker.pid) / 1e6 for worker in workers if worker.pid]
            print(f"{'private memory [100 MB]':<32} {statistics.median(private):8.1f} MB  ({len(private)} workers)")


if __name__ == "__main__":
    main()
