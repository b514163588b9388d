"""The image: built without network from packages at hand on a Debian that is made for it, and started as its user.

That takes some six minutes and programs that build images, so it is done when somebody asks for it: ``IMAGE=build bin/test -m long
tests/containers/test_image.py``, before a release.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..bench.processes import answers, eventually, free_port, kill, spawn

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        os.environ.get("IMAGE") != "build", reason="IMAGE=build bin/test -m long tests/containers/test_image.py builds it"
    ),
]

_LIMITS = {"nofile": resource.RLIMIT_NOFILE, "nproc": resource.RLIMIT_NPROC}


@dataclass(frozen=True)
class Container:
    """A container, and the words that run a command in it."""

    words: Sequence[str]

    def run(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end."""
        return subprocess.run([*self.words, *command], capture_output=True, text=True, check=False, timeout=600)


def run(*command: str | Path) -> str:
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, timeout=1500)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return done.stdout


@pytest.fixture(scope="module")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[str]]:
    """The program that makes images, with a storage of its own; it must be root, since it makes a Debian."""
    missing = [name for name in ("buildah", "debootstrap") if shutil.which(name) is None]
    if missing or os.getuid() != 0:
        reason = f"an image cannot be built here (it needs root; Debian: apt install {' '.join(missing)})"
        pytest.fail(reason)
    storage = tmp_path_factory.mktemp("storage")
    command = ["buildah", "--root", f"{storage}/root", "--runroot", f"{storage}/run", "--storage-driver", "vfs"]
    yield command
    run(*command, "rm", "--all")
    run(*command, "rmi", "--all", "--force")


def limits() -> list[str]:
    """The limits of this process, since a container may have no more."""
    hard = {name: resource.getrlimit(which)[1] for name, which in _LIMITS.items()}
    return [f"--ulimit={name}={most}:{most}" for name, most in hard.items()]


@pytest.fixture(scope="module")
def base(buildah: list[str], tmp_path_factory: pytest.TempPathFactory) -> str:
    """An image of a small Debian with Python; returns its name."""
    folder = tmp_path_factory.mktemp("base")
    run("debootstrap", "--variant=minbase", "--include=python3,python3-venv,ca-certificates", "trixie", folder)
    container = run(*buildah, "from", "scratch").strip()
    run(*buildah, "copy", "--quiet", container, folder, "/")
    run(*buildah, "commit", "--quiet", "--rm", container, "localhost/base")
    shutil.rmtree(folder)
    return "localhost/base"


@pytest.fixture(scope="module")
def packages(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked packages for the Python of that Debian, as the page says."""
    folder = tmp_path_factory.mktemp("packages")
    pip = (sys.executable, "-m", "pip", "download", "--quiet", "--only-binary=:all:", "--python-version=3.13")
    run(*pip, "-r", root / "requirements.lock", "-d", folder)
    return folder


@pytest.fixture(scope="module")
def container(buildah: list[str], base: str, packages: Path, root: Path) -> Container:
    """A container of the image."""
    arguments = ("--build-arg", f"BASE={base}", "--build-arg", "PIP_OPTIONS=--no-index --find-links /packages")
    options = ("--isolation=chroot", "--network=host", *limits(), f"--volume={packages}:/packages:ro")
    run(*buildah, "build", "--quiet", *options, *arguments, "--file", root / "Containerfile", "--tag", "aasim", root)
    name = run(*buildah, "from", *limits(), "localhost/aasim").strip()
    return Container([*buildah, "run", "--isolation=chroot", name, "--"])


def test_it_runs_as_a_user_who_can_write_nothing_but_the_data_folder(container: Container) -> None:
    assert container.run("id", "-u").stdout.strip() == "10001"
    found = container.run(
        "find", "/opt", "/usr", "/etc", "/srv", "/home", "/var", "-xdev", "-writable", "-not", "-type", "l"
    ).stdout.split()
    own = ("/var/lib/aasim", "/var/tmp")
    assert [path for path in found if not path.startswith(own)] == []


def test_everything_is_there_that_it_calls(container: Container) -> None:
    assert "PostgreSQL" in container.run("pg_dump", "--version").stdout
    assert container.run("python3", "-c", "import xllamacpp").returncode == 0
    assert "othing is wrong" in container.run("aasim", "plugins", "check").stdout


def test_an_installation_in_it_is_well_and_answers(container: Container, tmp_path: Path) -> None:
    assert "migrations applied" in container.run("aasim", "migrate").stdout
    document = json.loads(container.run("aasim", "doctor", "--json").stdout)
    assert {check["name"] for check in document["checks"] if check["state"] != "ok"} == {"api", "workers", "engine_local"}
    port = free_port()
    process = spawn([*container.words, "aasim", "--set", f"server.bind=127.0.0.1:{port}", "serve"], {}, tmp_path / "log")
    try:
        eventually(lambda: answers(port, "/api/v1/health/ready", below=300), "the start of the API in the container", seconds=120)
    finally:
        kill(process)
