"""Statistics of the checks that depend on chance: tests of normality, detectable effects, false-alarm tables."""
