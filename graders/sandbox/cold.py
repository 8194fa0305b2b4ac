"""The entry point of a cold worker, started by name like the zygote."""

from graders.sandbox.birth import cold_main as main

__all__ = ["main"]
