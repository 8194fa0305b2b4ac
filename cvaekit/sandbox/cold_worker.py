"""Entry point of a cold worker: `spawn.command` runs `main` of this module in a new interpreter."""

from cvaekit.sandbox.spawn import run_cold_worker as main

__all__ = ["main"]
