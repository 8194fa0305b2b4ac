"""Exercises 1 and 2 of the module: manifest, probes, hidden checks, banks of mistakes and variants."""
