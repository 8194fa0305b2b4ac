"""The Challenge: manifest, probes, hidden checks, banks of mistakes and variants."""
