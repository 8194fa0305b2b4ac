"""Answer probes in the grader's own process, for trusted sources only: the reference and the entries of the banks.

The answers are those of a sandboxed worker. A submission is never asked this way.
"""

from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from types import CodeType, ModuleType
from typing import Any, Self

from cvaekit.sandbox import ProbeError, Raised, WrongReturn, wire
from cvaekit.sandbox.preload import load_probes
from cvaekit.sandbox.probe import CallRaised, Unexpected, call
from cvaekit.sandbox.worker import caused_by_submission, error_details, reseed


class InProcess:
    """Takes the place of a Sandbox for trusted sources. seed_offset: added to every seed, for other random numbers."""

    def __init__(self, probes: Path, kit: Path, seed_offset: int = 0):
        self.probes = _load_probes(str(probes), str(kit))
        self.seed_offset = seed_offset

    def worker(
        self,
        source: bytes,
        filename: str,
        *,
        seed: int = 0,
        preload: tuple[str, ...] = (),
        modules: Mapping[str, str] | None = None,
        device: str = "cpu",
    ) -> "TrustedWorker":
        """Return a worker for `source`. `preload`, `modules` and `device` have no effect."""
        return TrustedWorker(self, source, filename, seed)


class TrustedWorker:
    """Answers like a Worker, without deadlines and without locks."""

    spent = 0.0
    summary = "in the grader's own process"

    def __init__(self, workers: InProcess, source: bytes, filename: str, seed: int):
        self._workers, self._source, self._filename, self._seed = workers, source, filename, seed
        self._module: ModuleType | None = None

    def ask(self, probe: str, /, *, seconds: float = 10.0, seed: int | None = 0, **arguments: Any) -> Any:
        """Return what `probe(module, **arguments)` returns, converted as on its way between processes.

        Raises Raised or WrongReturn for a failure of the source, and ProbeError for one of the probe.
        """
        try:
            if self._module is None:
                reseed(self._seed + self._workers.seed_offset)
                self._module = ModuleType("submission")
                call(exec, _compiled(self._source, self._filename), self._module.__dict__)
            if seed is not None:
                reseed(seed + self._workers.seed_offset)
            return _sent_over_wire(self._workers.probes[probe](self._module, **_sent_over_wire(arguments)))
        except Unexpected as unexpected:
            raise WrongReturn(unexpected.got) from None
        except CallRaised as raised:
            if isinstance(raised.error, KeyboardInterrupt):  # of the user
                raise raised.error from None
            raise _raised(raised.error) from None
        except (Exception, SystemExit) as error:
            details = error_details(error, self._filename)
            if caused_by_submission(error, details):
                raise _raised(error) from None
            name = f"{details['type']}: {details['message']}"
            raise ProbeError(f"the probe raised {name}", f"{details['trace']}{name}") from error

    def close(self) -> None:
        """Forget the imported source."""
        self._module = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()


def _raised(error: BaseException) -> Raised:
    message = error.msg if isinstance(error, SyntaxError) else str(error)
    return Raised(type(error).__name__, message, None, "call")


@cache
def _load_probes(path: str, kit: str) -> dict[str, Callable[..., Any]]:
    return load_probes(path, kit)


@cache
def _compiled(source: bytes, filename: str) -> CodeType:
    return compile(source, filename, "exec", dont_inherit=True)


def _sent_over_wire(value: Any) -> Any:
    """Convert `value` as wire.pack and wire.unpack do: tuples to lists, tensors to copies, other objects to Opaque."""
    prefix, *body = wire.pack({}, value)
    return wire.unpack(wire.parse_header(memoryview(prefix)[wire.PREFIX.size :]), b"".join(body))
