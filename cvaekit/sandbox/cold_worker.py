"""The entry point of a cold worker, started by name like the zygote."""

from cvaekit.sandbox.spawn import cold_main as main

__all__ = ["main"]
