"""What running a notebook's cells needs: digits, and figures without a window."""

import pytest

from graders import manifest


@pytest.fixture(scope="module", autouse=True)
def without_a_window():
    import matplotlib

    matplotlib.use("agg")


@pytest.fixture(scope="module")
def digits_are_found():
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CVAEKIT_DATA", str(manifest.ROOT / "assignments" / "data"))
        yield
