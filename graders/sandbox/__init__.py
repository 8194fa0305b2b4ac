"""Runs a submission in a locked process of its own and asks it questions.

`Sandbox` owns a zygote, `Sandbox.worker` gives a `Worker`, `Worker.ask` an answer or a `SubmissionFailure`. Only
values cross. Importing this package does not import torch.
"""

from graders.sandbox.client import LAYERS, Connection, Sandbox, harden_grader
from graders.sandbox.failures import BadReply, Died, Raised, SandboxError, SubmissionFailure, TimedOut, WrongReturn
from graders.sandbox.handle import Worker
from graders.sandbox.selftest import Isolation
from graders.sandbox.wire import Opaque

__all__ = [
    "LAYERS",
    "BadReply",
    "Connection",
    "Died",
    "Isolation",
    "Opaque",
    "Raised",
    "Sandbox",
    "SandboxError",
    "SubmissionFailure",
    "TimedOut",
    "Worker",
    "WrongReturn",
    "harden_grader",
]
