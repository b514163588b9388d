"""The wheel: built from what is committed, installed away from the repository, and started there."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from .bench.processes import answers, eventually, free_port
from .docs.pages import Page, write

pytestmark = pytest.mark.long

#: The tests of the plugin that brings a tool, an engine, a grader, a connector, a meter, a listener and a job.
LAB = ("tests/test_plugins/test_lab_contract.py", "tests/test_plugins/test_lab.py", "tests/processes/test_switching_off.py")


def run(*command: str | Path, cwd: Path, timeout: int = 1800) -> str:
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
def server(aasim: Path, folder: Path) -> Iterator[int]:
    port = free_port()
    run(aasim, "migrate", cwd=folder)
    process = subprocess.Popen([aasim, "serve", "--bind", f"127.0.0.1:{port}"], cwd=folder)
    yield port
    process.terminate()
    assert process.wait(60) == 0


def test_the_installed_platform_answers(server: int) -> None:
    eventually(lambda: answers(server, "/api/v1/health/ready", below=300), "the start of the installed platform")


@pytest.fixture(scope="module")
def authors(root: Path, folder: Path, aasim: Path, wheel: Path) -> Path:
    """The Python of an author: the same environment, the extra ``testing``, and the distribution of somebody else."""
    python = aasim.with_name("python")
    pip = (python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "-c", root / "requirements-dev.lock", f"{wheel}[testing]", cwd=folder)
    run(*pip, "--no-build-isolation", folder / "source" / "tests" / "sample", cwd=folder)
    return python


def test_the_distribution_of_somebody_else_keeps_the_contract_as_its_author_tests_it(authors: Path, folder: Path) -> None:
    """Installed from wheels into a plain environment, where pytest rewrites the packages of its plugins."""
    (folder / "author").mkdir()
    shutil.copytree(folder / "source" / "tests" / "sample" / "tests", folder / "author" / "tests")
    said = run(authors, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", cwd=folder / "author")
    assert int(re.findall(r"(\d+) passed", said)[0]) > 90


@pytest.mark.postgres
def test_a_plugin_that_brings_something_for_each_hook_keeps_the_contract_and_is_switched_off_and_on(
    authors: Path, folder: Path, tmp_path: Path
) -> None:
    """On SQLite and on PostgreSQL; switched off for one organization, in the middle of a run too."""
    for room in ("bench", "processes", "test_plugins"):
        shutil.copytree(folder / "source" / "tests" / room, tmp_path / "tests" / room)
    said = run(
        authors, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "--import-mode=importlib", *LAB, cwd=tmp_path
    )
    assert int(re.findall(r"(\d+) passed", said)[0]) > 50


@pytest.fixture(scope="module")
def tutorial(root: Path, folder: Path, authors: Path) -> Path:
    """The distribution that the seventh step of the guide makes, installed; its folder."""
    place = folder / "aasim-notes"
    write(Page(root / "docs" / "extend" / "index.md").files(), place)
    (place / "notes").rename(place / "aasim_notes")
    run(authors, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-build-isolation", place, cwd=folder)
    return place


def test_the_distribution_of_the_guide_is_turned_on_and_nothing_is_wrong_with_it(tutorial: Path, aasim: Path) -> None:
    (tutorial / "aasim.toml").touch()
    command = (aasim, "--config", "aasim.toml", "plugins")
    run(*command, "enable", "notes", cwd=tutorial)
    assert "othing is wrong" in run(*command, "check", cwd=tutorial)


def test_the_distribution_of_the_guide_keeps_the_contract(tutorial: Path, authors: Path) -> None:
    test = tutorial / "tests" / "test_notes.py"
    test.write_text(re.sub(r"^    folder = .*\n", "", test.read_text(), flags=re.MULTILINE))
    said = run(authors, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", "tests", cwd=tutorial)
    assert int(re.findall(r"(\d+) passed", said)[0]) > 60
