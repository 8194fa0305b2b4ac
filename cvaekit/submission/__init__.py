"""A submission comes in: found on disk, read as bytes, understood as text. Nothing here runs student code."""
