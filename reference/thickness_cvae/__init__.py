"""The complete Challenge: stroke widths, their classes, and a model that is told of both conditions."""
