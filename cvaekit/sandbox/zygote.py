"""Run the zygote: a process that has torch loaded, holds no secret, and forks a locked worker on request.

It is started with `exec`, and never forked from the grader, whose memory holds the reference and the hidden checks. A
worker is forked from it only while it has one thread: Landlock applies to the calling thread only, and a fork of a
process with OpenMP threads hangs at its first large operation. Packages are therefore tried in a fork before the zygote
imports them.
"""

import contextlib
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

from cvaekit.sandbox import control, import_trial, limits, lockdown, own_folder, preload, process_tree
from cvaekit.sandbox.own_folder import OwnFolders
from cvaekit.sandbox.spawn import FOLDERS, Spawn

if sys.platform == "linux":
    from cvaekit.sandbox import allowed_paths, landlock, linux, seccomp


def parameter_names(probe: Callable[..., Any]) -> list[str]:
    """Return the names of a probe's parameters, with "**" where it takes any."""
    kinds = signature(probe).parameters.items()
    return ["**" if parameter.kind is Parameter.VAR_KEYWORD else name for name, parameter in kinds]


class Peer:
    """A connection of the grader's and the workers started through it.

    owner: the process that uses it; watch: a pidfd that tells when that process ends, or -1.
    """

    def __init__(self, connection: socket.socket):
        self.connection = connection
        self.workers: set[int] = set()
        self.owner = self.watch = -1


class Zygote:
    """Answers the requests of the grader, and of its forks, one at a time."""

    def __init__(self, connection: socket.socket):
        self.main = Peer(connection)
        self.peers = [self.main]
        signal.signal(signal.SIGTERM, lambda *_: self.exit())
        self.private = Path(tempfile.mkdtemp(prefix="cvaekit-"))  # for libraries that need a home
        self.folders = OwnFolders(Path(tempfile.mkdtemp(prefix="cvaekit-")))
        try:
            self.options, _ = control.receive(connection)
            sys.path += [folder for folder in self.options["packages"] if folder not in sys.path]
            self.watch_grader()
            os.environ |= dict.fromkeys(FOLDERS, str(self.private))
            tempfile.tempdir = str(self.private)
            preload.import_torch()
            preload.warm_up_torch()
            self.probes = preload.load_probes(self.options["probes"], self.options["kit"])
            preload.import_packages(["numpy"])
            layers = self.prepare_layers()
            preload.freeze_objects()
            control.send(
                connection,
                {
                    "ready": True,
                    "probes": {name: parameter_names(probe) for name, probe in self.probes.items()},
                    "layers": layers,
                    "folders": [str(self.private), str(self.folders.parent)],
                },
            )
        except EOFError:
            self.exit()
        except Exception:
            control.send(connection, {"error": traceback.format_exc(limit=-3)})
            self.exit()

    def watch_grader(self) -> None:
        """End when the grader ends, adopt orphans of workers, and deny other processes this one's memory."""
        if sys.platform == "linux":
            linux.prctl(linux.PR_SET_PDEATHSIG, signal.SIGTERM)
            linux.prctl(linux.PR_SET_DUMPABLE, 0)
            linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)
        if os.getppid() != self.options["grader"]:
            self.exit()

    def prepare_layers(self) -> dict[str, Any]:
        """Prepare the ruleset and filter that workers apply; return which layers there are, for the summary."""
        self.ruleset, self.abi, self.seccomp = None, 0, False
        found: dict[str, Any] = {"landlock": "none", "seccomp": "none", "rlimits": limits.names()}
        if sys.platform == "linux":
            if "landlock" in self.options["layers"]:
                found["landlock"] = abi = landlock.abi()
                if isinstance(abi, int):
                    found["landlock"] = self.abi = min(abi, self.options["abi"])
                    paths = allowed_paths.read_paths(self.options["hidden"], self.private)
                    write = allowed_paths.write_paths()
                    self.ruleset = landlock.ruleset(self.abi, paths, write, self.folders.parent)
            if "seccomp" in self.options["layers"] and seccomp.available():
                found["seccomp"], self.seccomp = "errno", True
        return found

    def run(self) -> NoReturn:
        """Serve all connections until the grader's main one closes."""
        while True:
            poll = select.poll()
            waiting: dict[int, Peer] = {}
            for peer in self.peers:
                for descriptor in (peer.connection.fileno(), peer.watch):
                    if descriptor >= 0:
                        poll.register(descriptor, select.POLLIN)
                        waiting[descriptor] = peer
            pause = own_folder.CHECK_SECONDS * 1000 if any(peer.workers for peer in self.peers) else None
            for worker in self.folders.too_large():
                process_tree.kill(worker)
            for descriptor, _ in poll.poll(pause):
                peer = waiting[descriptor]
                if peer not in self.peers:
                    continue
                if descriptor == peer.watch:
                    self.disconnect(peer)
                else:
                    self.serve(peer)

    def serve(self, peer: Peer) -> None:
        """Receive one request of a peer and send the reply."""
        try:
            request, descriptors = control.receive(peer.connection)
        except (EOFError, OSError):
            self.disconnect(peer)
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
            self.disconnect(peer)

    def answer(self, peer: Peer, request: dict[str, Any], descriptors: list[int]) -> dict[str, Any]:
        """Carry out one request: exit, connect, end a worker, or spawn one."""
        if request["op"] == "exit":
            self.exit()
        if request["op"] == "connect":
            self.peers.append(Peer(socket.socket(fileno=os.dup(descriptors[0]))))
            return {}
        if request["op"] == "end":
            peer.workers.discard(request["worker"])
            status = process_tree.kill_and_reap(request["worker"], request["patience"])
            self.kill_strays()
            self.folders.remove(request["worker"])
            return {"status": status}
        self.watch_owner(peer, request["owner"])
        return {"worker": self.spawn(peer, request, *descriptors)}

    def watch_owner(self, peer: Peer, owner: int) -> None:
        """Watch the process that uses a connection. Other processes may hold copies of its socket when it ends."""
        if peer is self.main or peer.owner == owner or not hasattr(os, "pidfd_open"):
            return
        try:
            watch = os.pidfd_open(owner)
        except OSError:  # not offered by this kernel, or denied by a container's filter
            watch = -1
        former, peer.owner, peer.watch = peer.watch, owner, watch
        if former >= 0:
            os.close(former)

    def spawn(self, peer: Peer, request: dict[str, Any], frames: int, output: int) -> int:
        """Start a worker, in a fork or in a new interpreter, and return its process id."""
        cold, packages = request["device"] != "cpu", []
        if import_trial.thread_count() == 1:
            packages = import_trial.safe_to_import(request["preload"])
            self.kill_strays()  # processes that a trial may have left
        if not cold:
            preload.import_packages(packages)
        if import_trial.thread_count() != 1:  # a fork may do nothing but exec, which is slow and works all the same
            cold, packages = True, []
        folder = self.folders.make()
        spawn = Spawn(frames, output, os.getpid(), request["seed"], folder)
        child = os.fork()
        if not child:
            try:
                for number in (signal.SIGTERM, signal.SIGINT):
                    signal.signal(number, signal.SIG_DFL if number == signal.SIGTERM else signal.default_int_handler)
                if cold:
                    spawn.run_in_new_interpreter(
                        self.options | request | {"private": str(self.private), "preload": packages}
                    )
                spawn.run_in_fork(lockdown.Locks(self.ruleset, self.abi, self.seccomp), self.probes)
            except BaseException:  # no code of a submission has run; later exceptions become replies
                traceback.print_exc()
                sys.stderr.flush()
            finally:
                os._exit(70)
        peer.workers.add(child)
        self.folders.assign(folder, child)
        return child

    def kill_strays(self) -> None:
        """Kill the processes that ended workers left behind, which the zygote has adopted."""
        if sys.platform == "linux":
            process_tree.kill_strays(set().union(*(peer.workers for peer in self.peers)))

    def disconnect(self, peer: Peer) -> None:
        """Close a connection and kill its workers; end the zygote with the main one."""
        if peer is self.main:
            self.exit()
        self.peers.remove(peer)
        peer.connection.close()
        if peer.watch >= 0:
            os.close(peer.watch)
        for worker in peer.workers:
            process_tree.kill_and_reap(worker)
        self.kill_strays()
        for worker in peer.workers:
            self.folders.remove(worker)

    def exit(self) -> NoReturn:
        """Kill every worker, remove all folders, and end. SIGTERM may have come while this went on, or another end."""
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        for peer in self.peers:
            for worker in peer.workers:
                with contextlib.suppress(ChildProcessError):  # reaped by what SIGTERM interrupted
                    process_tree.kill_and_reap(worker)
            peer.workers = set()
        self.kill_strays()
        for folder in (self.private, self.folders.parent):
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)  # without finalising torch, which takes long


def main(descriptor: int) -> NoReturn:
    """Run the zygote with its control socket at `descriptor`. Ctrl-C is for the grader alone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Zygote(socket.socket(fileno=descriptor)).run()
