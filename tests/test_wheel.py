"""The wheel installs one package that works from any folder, for root and for an ordinary user."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from shipped import ROOT

pytestmark = pytest.mark.slow
SYSTEM_PYTHON = Path("/usr/bin/python3")  # which ordinary users can read, too
NOBODY = 65534  # the id of a user, and of a group, without rights
SUBMISSION = ROOT / "tests" / "submissions" / "right.py"


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from the files of this checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    [path] = folder.glob("*.whl")
    return path


def test_it_installs_one_name_and_holds_the_kit(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names} == {
        "cvaekit",
        next(n.split("/")[0] for n in names if ".dist-info" in n),
    }
    for part in ("graders/cvae/probes.py", "reference/conditional_vae/cvae.py", "assignments/data/SHA256SUMS"):
        assert f"cvaekit/shipped/{part}" in names
    assert not [name for name in names if "__pycache__" in name or name.endswith(".pyc")]


def test_the_source_archive_holds_what_the_wheel_is_made_of(tmp_path):
    command = [sys.executable, "-m", "hatchling", "build", "--target", "sdist", "--directory", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    [path] = tmp_path.glob("*.tar.gz")
    shutil.unpack_archive(path, tmp_path / "unpacked")
    [root] = (tmp_path / "unpacked").iterdir()
    command[-1] = str(tmp_path / "again")
    command[command.index("sdist")] = "wheel"
    subprocess.run(command, cwd=root, check=True, capture_output=True, text=True)
    [rebuilt] = (tmp_path / "again").glob("*.whl")
    assert "cvaekit/shipped/graders/cvae/probes.py" in zipfile.ZipFile(rebuilt).namelist()


@dataclass(frozen=True)
class Installed:
    """The installed command: called with its arguments, it runs in `work`, as the user with the id `user` if given."""

    environment: Path
    packages: Path
    work: Path
    user: int | None

    def __call__(self, *arguments, check=True):
        programs = self.environment / "bin"
        result = subprocess.run(
            [programs / "python", "-m", "cvaekit.command.main", *map(str, arguments)],
            cwd=self.work,
            capture_output=True,
            text=True,
            timeout=300,
            env={"PATH": f"{programs}:/usr/bin:/bin", "HOME": str(self.work), "LANG": "C.UTF-8"},
            user=self.user,
            group=self.user,
            extra_groups=None if self.user is None else [],
        )
        assert "Traceback" not in result.stderr, result.stderr
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result


@pytest.fixture(scope="module", params=["this user", "an ordinary user"])
def installed(request, wheel):
    """Run the installed command from a folder that has nothing to do with a checkout.

    The environment holds the wheel and, by a path file, the packages that it depends on; not the editable checkout.
    """
    ordinary = request.param == "an ordinary user"
    if ordinary and (os.getuid() != 0 or not SYSTEM_PYTHON.exists()):
        pytest.skip("needs root, to become an ordinary user, and a Python that this user can read")
    python = SYSTEM_PYTHON if ordinary else Path(sys.executable)
    version = subprocess.run([python, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, text=True)
    if version.stdout.split() != [str(number) for number in sys.version_info[:2]]:
        pytest.skip(f"needs {python} of the version that the dependencies were installed for")
    [dependencies] = (path for path in map(Path, sys.path) if (path / "torch").is_dir())
    if ordinary and not all(path.stat().st_mode & 0o001 for path in (dependencies, *dependencies.parents)):
        pytest.skip(f"needs {dependencies} to be open to ordinary users")
    # Not in pytest's own folder, which every run of pytest closes to other users again.
    with tempfile.TemporaryDirectory(prefix="cvaekit-installed-") as folder:
        Path(folder).chmod(0o755)
        yield _install(python, wheel, dependencies, Path(folder), NOBODY if ordinary else None)


def _install(python, wheel, dependencies, folder, user):
    environment = folder / "environment"
    subprocess.run([python, "-m", "venv", "--without-pip", environment], check=True)
    [packages] = environment.glob("lib/python*/site-packages")
    zipfile.ZipFile(wheel).extractall(packages)
    (packages / "dependencies.pth").write_text(f"{dependencies}\n")
    work = folder / "work"
    work.mkdir()
    shutil.copy(SUBMISSION, work / "cvae.py")
    if user is not None:
        for path in (work, work / "cvae.py"):
            os.chown(path, user, user)
    return Installed(environment, packages, work, user)


def test_grade_from_where_a_submission_cannot_read_the_kit(installed):
    secret = installed.packages / "cvaekit" / "shipped" / "reference" / "conditional_vae" / "cvae.py"
    head = "class SimpleCVAE(nn.Module):\n"
    text = SUBMISSION.read_text().replace(head, f"{head}    secret = open({str(secret)!r}).read()\n")
    (installed.work / "spy.py").write_text(text)
    right, spy = re.split("^(?=spy.py)", installed("grade", "cvae.py", "spy.py").stdout, maxsplit=1, flags=re.MULTILINE)
    assert right.startswith("cvae.py")
    assert "100 / 100" in right
    assert "Isolation: level 3" in right
    assert "PermissionError" in spy
    assert "100 / 100" not in spy.partition("\n")[0]


def test_audit(installed):
    assert "Nothing to mend." in installed("audit", "kl_sign").stdout


def test_course_init(installed):
    installed("course", "init", "course")
    assert (installed.work / "course" / "source" / "conditional_vae" / "cvae.ipynb").is_file()


def test_build_check(installed):
    assert "up to date" in installed("build", "--check").stdout


def test_doctor_names_the_shipped_kit(installed):
    assert str(installed.packages / "cvaekit" / "shipped") in installed("doctor").stdout.replace("\n", "").replace(
        " ", ""
    )


def test_new_and_check(installed):
    installed("new", "tripling", "--kit", "mine")
    assert (installed.work / "mine" / "graders" / "tripling" / "assignment.toml").is_file()
    installed("check", "tripling", "--kit", "mine")
