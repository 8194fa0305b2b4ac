"""Run the hidden checks by hand: `pytest graders/NAME --submission PATH`."""

from cvaekit.grading.pytest_options import pytest_addoption, pytest_collection, pytest_configure

__all__ = ["pytest_addoption", "pytest_collection", "pytest_configure"]
