"""Answer probes in this process, for trusted sources: the reference and the entries of the banks.

A submission is never asked this way. A sandboxed worker gives the same answers.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Self

from cvaekit.sandbox import ProbeError, Raised, WrongReturn, wire
from cvaekit.sandbox.builtin_probes import BUILTIN
from cvaekit.sandbox.preload import load_probes
from cvaekit.sandbox.probe import CallRaised, Unexpected, call
from cvaekit.sandbox.worker import is_submissions, report_on, reseed


class InProcess:
    """Takes the place of a Sandbox for trusted sources. `stray` is added to every seed, for another random run."""

    def __init__(self, probes: Path, kit: Path, stray: int = 0):
        self.probes = _probes(str(probes), str(kit))
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
                call(exec, _compiled(self._source, self._filename), self._module.__dict__)
            if seed is not None:
                reseed(seed + self._home.stray)
            return _crossed(self._home.probes[probe](self._module, **_crossed(arguments)))
        except Unexpected as unexpected:
            raise WrongReturn(unexpected.got) from None
        except CallRaised as raised:
            raise _raised(raised.error) from None
        except Exception as error:
            report = report_on(error, self._filename)
            if is_submissions(error, report):
                raise _raised(error) from None
            name = f"{report['type']}: {report['message']}"
            raise ProbeError(f"the probe raised {name}", f"{report['trace']}{name}") from error

    def close(self) -> None:
        self._module = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def _raised(error: BaseException) -> Raised:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return Raised(type(error).__name__, message, None, "call")


@cache
def _probes(path: str, kit: str) -> dict[str, Callable[..., Any]]:
    return BUILTIN | load_probes(path, kit)


@cache
def _compiled(source: bytes, filename: str) -> CodeType:
    return compile(source, filename, "exec", dont_inherit=True)


def _crossed(value: Any) -> Any:
    """`value` after a trip over the wire: tuples are lists, tensors are copies, what does not cross is described."""
    prefix, *body = wire.pack({}, value)
    return wire.unpack(wire.parse_header(memoryview(prefix)[wire.PREFIX.size :]), b"".join(body))
