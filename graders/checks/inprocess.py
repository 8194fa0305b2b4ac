"""Answers from this very process, for sources of our own: the reference and the entries of the banks.

A submission is never asked this way; it belongs into a sandbox's worker, which gives the same answers.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Self

from graders.sandbox import Raised, WrongReturn, wire
from graders.sandbox.probing import Unexpected
from graders.sandbox.warmup import load_probes
from graders.sandbox.worker import reseed


class InProcess:
    """Stands where a Sandbox stands, for trusted sources. `stray` is added to every seed: another run of luck."""

    def __init__(self, probes: Path, stray: int = 0):
        self.probes = _probes(probes)
        self.stray = stray

    def worker(
        self, source: bytes, filename: str, *, seed: int = 0, preload: tuple[str, ...] = (), device: str = "cpu"
    ) -> "TrustedWorker":
        return TrustedWorker(self, source, filename, seed)


class TrustedWorker:
    """Answers like a Worker. No deadline is kept, and nothing is locked."""

    summary = "in the grader's own process"

    def __init__(self, home: InProcess, source: bytes, filename: str, seed: int):
        self._home, self._source, self._filename, self._seed = home, source, filename, seed
        self._module: ModuleType | None = None

    def ask(self, probe: str, /, *, seconds: float = 10.0, seed: int | None = 0, **arguments: Any) -> Any:
        """What `probe(module, **arguments)` returns, as it would come over the wire; Raised or WrongReturn."""
        try:
            if self._module is None:
                reseed(self._seed + self._home.stray)
                self._module = ModuleType("submission")
                exec(_compiled(self._source, self._filename), self._module.__dict__)
            if seed is not None:
                reseed(seed + self._home.stray)
            return _crossed(self._home.probes[probe](self._module, **_crossed(arguments)))
        except Unexpected as unexpected:
            raise WrongReturn(unexpected.got) from None
        except Exception as error:
            message = error.msg if isinstance(error, SyntaxError) else str(error)
            raise Raised(type(error).__name__, message, None, "call") from None

    def close(self) -> None:
        self._module = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


_probes: Callable[[Path], dict[str, Callable[..., Any]]] = cache(load_probes)


@cache
def _compiled(source: bytes, filename: str) -> CodeType:
    return compile(source, filename, "exec", dont_inherit=True)


def _crossed(value: Any) -> Any:
    """`value` after a trip over the wire: tuples are lists, tensors are copies, what does not cross is described."""
    prefix, *body = wire.pack({}, value)
    return wire.unpack(wire.parse_header(memoryview(prefix)[wire.PREFIX.size :]), b"".join(body))
