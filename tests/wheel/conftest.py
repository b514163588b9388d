"""The wheel of the last commit and environments that hold it and nothing of the checkout, built once for all tests of a run."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ..clients.toolbox import alone

PIP = ("-m", "pip", "install", "--quiet", "--disable-pip-version-check")


def run(*command: str | Path, cwd: Path, timeout: int = 1800, **more: str) -> str:
    """What the command says, which must succeed; nothing of the checkout is found by accident: no PYTHONPATH, no settings."""
    done = subprocess.run(command, cwd=cwd, env=environment(**more), capture_output=True, text=True, check=False, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def environment(**more: str) -> dict[str, str]:
    """The variables of a command, without those that lead to the checkout."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("AASIM_", "PYTHON", "VIRTUAL_ENV"))} | more


def passed(said: str) -> int:
    """How many tests passed, as pytest says."""
    words = said.split()
    return int(words[words.index("passed") - 1] if "passed" in words else words[words.index("passed,") - 1])


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where everything is built; all processes of a run share it."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "wheel"
    place.mkdir(exist_ok=True)
    return place


def once(place: Path, name: str, build: Callable[[], object]) -> None:
    """Build what is not built yet, by one process at a time."""
    with alone(place):
        if not (place / f".{name}").exists():
            build()
            (place / f".{name}").touch()


@pytest.fixture(scope="session")
def wheel(root: Path, folder: Path) -> Path:
    """The wheel of the last commit; a build in the work tree would pick up what is not committed."""
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)

    def make() -> None:
        run("git", "clone", "--quiet", "--no-hardlinks", root, folder / "source", cwd=folder)
        run(*build, folder / "source", cwd=folder)

    once(folder, "built", make)
    (found,) = folder.glob("aasim-*.whl")
    return found


@pytest.fixture(scope="session")
def aasim(root: Path, folder: Path, wheel: Path) -> Path:
    """The command of an environment that holds the locked versions and the wheel, and nothing of the checkout."""
    python = folder / "venv" / "bin" / "python"

    def make() -> None:
        run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
        run(python, *PIP, "-r", root / "requirements.lock", cwd=folder)
        run(python, *PIP, "--no-deps", wheel, cwd=folder)

    once(folder, "installed", make)
    return python.with_name("aasim")


@pytest.fixture(scope="session")
def authors(root: Path, folder: Path, aasim: Path, wheel: Path) -> Path:
    """The Python of an author: the same environment, the extra ``testing``, mypy, and the distribution of somebody else."""
    python = aasim.with_name("python")

    def make() -> None:
        run(python, *PIP, "-c", root / "requirements-dev.lock", f"{wheel}[testing]", "mypy", cwd=folder)
        run(python, *PIP, "--no-build-isolation", folder / "source" / "tests" / "sample", cwd=folder)

    once(folder, "of_the_author", make)
    return python
