"""The zygote: a process of its own that has torch loaded, holds no secret, and forks a locked worker on request.

Started by `exec` (never forked from the grader, whose memory holds the reference and the hidden checks) with one
thread, which is made sure of before every fork that goes on without `exec`: Landlock binds the calling thread only, and
a fork of a process whose OpenMP team runs hangs at its first large operation. What a submission imports is therefore
tried in a fork first.
"""

import os
import select
import shutil
import signal
import socket
import sys
import tempfile
import traceback
from collections.abc import Callable
from inspect import Parameter, signature
from pathlib import Path
from typing import Any, NoReturn

from cvaekit.sandbox import control, import_trial, limits, lockdown, preload, process_tree
from cvaekit.sandbox.builtin_probes import BUILTIN
from cvaekit.sandbox.spawn import Spawn

if sys.platform == "linux":
    from cvaekit.sandbox import allowed_paths, landlock, linux, seccomp

# Where libraries expect to write. They find an empty folder; what they then cannot create, they do without.
FOLDERS = ("HOME", "TMPDIR", "MPLCONFIGDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR")


def parameter_names(probe: Callable[..., Any]) -> list[str]:
    """What the grader may pass to `probe`; "**" where that is anything."""
    kinds = signature(probe).parameters.items()
    return ["**" if parameter.kind is Parameter.VAR_KEYWORD else name for name, parameter in kinds]


class Peer:
    """A control connection and the workers spawned through it. `watch` tells when the process that owns it ends."""

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.workers: set[int] = set()
        self.owner = self.watch = -1


class Zygote:
    def __init__(self, connection: socket.socket):
        self.main = Peer(connection)
        self.peers = [self.main]
        signal.signal(signal.SIGTERM, lambda *_: self.end())
        self.private = Path(tempfile.mkdtemp(prefix="cvaekit-"))  # for libraries that insist on a home
        try:
            self.start, _ = control.receive(connection)
            sys.path += [folder for folder in self.start["packages"] if folder not in sys.path]
            self.watch_grader()
            os.environ |= dict.fromkeys(FOLDERS, str(self.private))
            tempfile.tempdir = str(self.private)  # named, not tried out: a worker could not write there
            preload.import_torch()
            preload.exercise()
            self.probes = BUILTIN | preload.load_probes(self.start["probes"], self.start["kit"])
            preload.import_packages(["numpy"])
            layers = self.layers()
            preload.settle()
            control.send(
                connection,
                {
                    "ready": True,
                    "probes": {name: parameter_names(probe) for name, probe in self.probes.items()},
                    "layers": layers,
                    "private": str(self.private),
                },
            )
        except EOFError:
            self.end()
        except Exception:
            control.send(connection, {"error": traceback.format_exc(limit=-3)})
            self.end()

    def watch_grader(self) -> None:
        """Not to outlive the grader, and not to be read by anything that runs under the same user."""
        if sys.platform == "linux":
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)
            linux.prctl(linux.PR_SET_DUMPABLE, 0)
            linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() != self.start["grader"]:
            self.end()

    def layers(self) -> dict[str, Any]:
        """Prepare what workers apply; what there is of it, for the summary."""
        self.ruleset, self.seccomp = None, False
        found: dict[str, Any] = {"landlock": "none", "seccomp": "none", "rlimits": limits.names()}
        if sys.platform == "linux":
            if "landlock" in self.start["layers"]:
                found["landlock"] = abi = landlock.abi()
                if isinstance(abi, int):
                    found["landlock"] = abi = min(abi, self.start["abi"])
                    paths = allowed_paths.read_paths(self.start["hidden"], self.private)
                    self.ruleset = landlock.ruleset(abi, paths, allowed_paths.write_paths())
            if "seccomp" in self.start["layers"] and seccomp.available():
                found["seccomp"], self.seccomp = "errno", True
        return found

    def loop(self) -> NoReturn:
        while True:
            poll = select.poll()
            waiting: dict[int, Peer] = {}
            for peer in self.peers:
                for descriptor in (peer.connection.fileno(), peer.watch):
                    if descriptor >= 0:
                        poll.register(descriptor, select.POLLIN)
                        waiting[descriptor] = peer
            for descriptor, _ in poll.poll():
                peer = waiting[descriptor]
                if peer not in self.peers:
                    continue
                if descriptor == peer.watch:
                    self.drop(peer)
                else:
                    self.serve(peer)

    def serve(self, peer: Peer) -> None:
        try:
            request, descriptors = control.receive(peer.connection)
        except (EOFError, OSError):
            self.drop(peer)
            return
        try:
            reply = self.answer(peer, request, descriptors)
        except Exception as error:
            reply = {"error": f"{type(error).__name__}: {error}"}
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        try:
            control.send(peer.connection, reply)
        except OSError:
            self.drop(peer)

    def answer(self, peer: Peer, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        if request["op"] == "exit":
            self.end()
        if request["op"] == "connect":
            self.peers.append(Peer(socket.socket(fileno=os.dup(descriptors[0]))))
            return {}
        if request["op"] == "end":
            peer.workers.discard(request["worker"])
            status = process_tree.end(request["worker"], request["patience"])
            self.sweep()
            return {"status": status}
        self.own(peer, request["owner"])
        return {"worker": self.spawn(peer, request, *descriptors)}

    def own(self, peer: Peer, owner: int) -> None:
        """Watch the process that uses a connection: a copy of its socket may be open in others when it ends."""
        if peer is self.main or peer.owner == owner or not hasattr(os, "pidfd_open"):
            return
        try:
            watch = os.pidfd_open(owner)
        except OSError:  # Python has it; this kernel, or a container's filter, may not
            watch = -1
        former, peer.owner, peer.watch = peer.watch, owner, watch
        if former >= 0:
            os.close(former)

    def spawn(self, peer: Peer, request: dict[str, Any], frames: int, output: int) -> int:
        cold, packages = request["device"] != "cpu", []
        if import_trial.threads() == 1:
            packages = import_trial.harmless(request["preload"])
            self.sweep()  # what a trial may have left
        if not cold:
            preload.import_packages(packages)
        if import_trial.threads() != 1:  # a fork may do no more than exec: slow, but it costs nobody a grade
            cold, packages = True, []
        spawn = Spawn(frames, output, os.getpid(), request["seed"])
        child = os.fork()
        if not child:
            try:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
                if cold:
                    spawn.cold(self.start | request | {"private": str(self.private), "preload": packages})
                spawn.warm(lockdown.Locks(self.ruleset, self.seccomp), self.probes)
            except BaseException:  # before any line of a submission; afterwards `serve` has its own
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(70)
        peer.workers.add(child)
        return child

    def sweep(self) -> None:
        """Kill what workers left behind: the zygote adopts it, and knows its own."""
        if sys.platform == "linux":
            process_tree.sweep(set().union(*(peer.workers for peer in self.peers)))

    def drop(self, peer: Peer) -> None:
        if peer is self.main:
            self.end()
        self.peers.remove(peer)
        peer.connection.close()
        if peer.watch >= 0:
            os.close(peer.watch)
        for worker in peer.workers:
            process_tree.end(worker, 0.0)
        self.sweep()

    def end(self) -> NoReturn:
        for peer in self.peers:
            for worker in peer.workers:
                process_tree.end(worker, 0.0)
            peer.workers = set()
        self.sweep()
        shutil.rmtree(self.private, ignore_errors=True)
        os._exit(0)  # finalising torch would take longer than anybody waits


def main(descriptor: int) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Zygote(socket.socket(fileno=descriptor)).loop()
