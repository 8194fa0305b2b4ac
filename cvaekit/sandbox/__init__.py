"""Runs a submission in a locked process of its own and asks it questions.

`Sandbox` owns a zygote, `Sandbox.worker` gives a `Worker`, `Worker.ask` an answer or a `SubmissionFailure`. Only
values cross. Importing this package does not import torch.
"""

from cvaekit.sandbox.client import LAYERS, Connection, Sandbox, harden_grader
from cvaekit.sandbox.failures import (
    BadReply,
    Died,
    ProbeError,
    Raised,
    SandboxError,
    SubmissionFailure,
    TimedOut,
    WrongReturn,
)
from cvaekit.sandbox.self_test import Isolation
from cvaekit.sandbox.wire import Opaque
from cvaekit.sandbox.worker_handle import Worker

__all__ = [
    "LAYERS",
    "BadReply",
    "Connection",
    "Died",
    "Isolation",
    "Opaque",
    "ProbeError",
    "Raised",
    "Sandbox",
    "SandboxError",
    "SubmissionFailure",
    "TimedOut",
    "Worker",
    "WrongReturn",
    "harden_grader",
]
