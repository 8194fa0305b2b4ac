"""A scaffold that tests break in one place."""

import shutil

import pytest
from scaffold_files import NAME
from shipped import KIT

from cvaekit.author.generated_files import generated_files, write
from cvaekit.author.scaffold import write_assignment
from cvaekit.kit import Kit

collect_ignore = ["attention"]  # its files are checks of another kit, not tests of this one


@pytest.fixture(scope="module")
def scaffold(tmp_path_factory):
    root = tmp_path_factory.mktemp("scaffold")
    write_assignment(root, NAME)
    yield root
    KIT.activate()


@pytest.fixture
def broken(scaffold, tmp_path):
    """The scaffold's kit with `old` in a file changed to `new`, or the file deleted (None) or copied to the name `new`;
    `built` makes its generated files anew."""

    def broken(file, old, new, *, built=False):
        root = tmp_path / "kit"
        shutil.copytree(scaffold, root)
        path = root / file
        if new is None:
            path.unlink()
        elif not old:
            shutil.copy(path, path.with_name(new))
        else:
            text = path.read_text()
            assert old in text, old
            path.write_text(text.replace(old, new))
        if built:
            write(generated_files(Kit(root).assignment(NAME)))
        return Kit(root)

    return broken
