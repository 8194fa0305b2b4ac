"""Run a submission in a locked process of its own, and ask it questions.

`Sandbox` owns a zygote, `Sandbox.worker` starts a `Worker`, and `Worker.ask` returns a probe's answer or raises a
`SubmissionFailure`. Only values cross between the processes. Importing this package does not import torch.
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
