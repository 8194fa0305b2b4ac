"""The hidden side of the kit: manifests, probes, checks, known mistakes and right variants.

Kept empty of imports: workers import probes from here, and nothing else is to come with them.
"""
