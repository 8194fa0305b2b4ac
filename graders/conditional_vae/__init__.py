"""Exercise 3: manifest, probes, hidden checks, banks of mistakes and variants."""
