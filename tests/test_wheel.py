"""The wheel: built from what is committed, installed away from the repository, and started there."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

pytestmark = pytest.mark.long


def run(*command: str | Path, cwd: Path, timeout: int = 600) -> str:
    # Nothing of the checkout may be found by accident: no PYTHONPATH, no settings.
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("AASIM_", "PYTHON", "VIRTUAL_ENV"))}
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False, timeout=timeout)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("wheel")


@pytest.fixture(scope="module")
def wheel(root: Path, folder: Path) -> Path:
    """The wheel of the last commit; a build in the work tree would pick up what is not committed."""
    run("git", "clone", "--quiet", "--no-hardlinks", root, folder / "source", cwd=folder)
    build = (sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--wheel-dir", folder)
    run(*build, folder / "source", cwd=folder)
    (found,) = folder.glob("aasim-*.whl")
    return found


@pytest.fixture(scope="module")
def aasim(root: Path, folder: Path, wheel: Path) -> Path:
    """The command of an environment that holds the locked versions and the wheel, and nothing of the checkout."""
    run(sys.executable, "-m", "venv", folder / "venv", cwd=folder)
    pip = (folder / "venv" / "bin" / "python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "-r", root / "requirements.lock", cwd=folder)
    run(*pip, "--no-deps", wheel, cwd=folder)
    return folder / "venv" / "bin" / "aasim"


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path, folder: Path) -> None:
    source = folder / "source"
    expected = {
        str(Path(name) / path.relative_to(source / top))
        for top, name in (("aasim_core", "aasim_core"), ("plugins", "aasim_plugins"))
        for path in (source / top).rglob("*")
        if path.is_file()
    }
    with ZipFile(wheel) as archive:
        shipped = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert shipped == expected


def test_the_installed_plugins_are_whole(aasim: Path, folder: Path) -> None:
    assert "othing is wrong" in run(aasim, "plugins", "check", cwd=folder)


@pytest.fixture
def server(aasim: Path, folder: Path) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    run(aasim, "migrate", cwd=folder)
    process = subprocess.Popen([aasim, "serve", "--bind", f"127.0.0.1:{port}"], cwd=folder)
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    assert process.wait(60) == 0


def test_the_installed_platform_answers(server: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            with urlopen(f"{server}/api/v1/health/ready", timeout=5) as answer:
                assert answer.status == 200
                return
        except URLError:
            assert time.monotonic() < deadline, "the installed platform does not answer"
            time.sleep(0.1)
