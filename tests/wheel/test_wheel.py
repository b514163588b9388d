"""The wheel: built from what is committed, installed away from the repository, and started there."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import pytest

from aasim_core.authoring.parts import PARTS

from ..bench.processes import answers, eventually, free_port
from ..docs.pages import Page, write
from .conftest import PIP, once, passed, run

pytestmark = pytest.mark.long

#: The tests of the plugin that brings a tool, an engine, a grader, a connector, a meter, a listener and a job.
LAB = ("tests/test_plugins/contract/test_lab_contract.py", "tests/test_plugins/lab", "tests/processes/runs/test_switching_off.py")


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


def test_the_installed_plugins_are_whole(aasim: Path, tmp_path: Path) -> None:
    assert "othing is wrong" in run(aasim, "plugins", "check", cwd=tmp_path)


@pytest.fixture
def server(aasim: Path, tmp_path: Path) -> Iterator[int]:
    port = free_port()
    run(aasim, "migrate", cwd=tmp_path)
    process = subprocess.Popen([aasim, "serve", "--bind", f"127.0.0.1:{port}"], cwd=tmp_path)
    yield port
    process.terminate()
    assert process.wait(60) == 0


def test_the_installed_platform_answers(server: int) -> None:
    eventually(lambda: answers(server, "/api/v1/health/ready", below=300), "the start of the installed platform")


def test_the_distribution_of_somebody_else_keeps_the_contract_as_its_author_tests_it(
    authors: Path, folder: Path, tmp_path: Path
) -> None:
    """Installed from wheels into a plain environment, where pytest rewrites the packages of its plugins."""
    shutil.copytree(folder / "source" / "tests" / "sample" / "tests", tmp_path / "tests")
    said = run(authors, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", cwd=tmp_path)
    assert passed(said) > 90


@pytest.mark.postgres
def test_a_plugin_that_brings_something_for_each_hook_keeps_the_contract_and_is_switched_off_and_on(
    authors: Path, folder: Path, tmp_path: Path
) -> None:
    """On SQLite and on PostgreSQL; switched off for one organization, in the middle of a run too."""
    for room in ("bench", "processes", "test_plugins", "executions"):
        shutil.copytree(folder / "source" / "tests" / room, tmp_path / "tests" / room)
    said = run(
        authors, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir=.", "--import-mode=importlib", *LAB, cwd=tmp_path
    )
    assert passed(said) > 50


@pytest.fixture(scope="module")
def tutorial(root: Path, folder: Path, authors: Path) -> Path:
    """The distribution that the seventh step of the guide makes, installed; its folder."""
    place = folder / "aasim-notes"

    def make() -> None:
        write(Page(root / "docs" / "extend" / "index.md").files(), place)
        (place / "notes").rename(place / "aasim_notes")
        run(authors, *PIP, "--no-build-isolation", place, cwd=folder)

    once(folder, "notes", make)
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
    assert passed(said) > 60


@pytest.fixture(scope="module")
def scaffold(root: Path, folder: Path, authors: Path, aasim: Path) -> Path:
    """A distribution with every part, as ``aasim plugins new`` writes it away from the checkout, installed; its folder."""
    run(aasim, "plugins", "new", "gadgets", "--dist", "gadgets", "--with", ",".join(PARTS), cwd=folder)
    pip = (authors, "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--no-build-isolation", folder / "gadgets", cwd=folder)
    run(*pip, "-c", root / "requirements-dev.lock", "mypy", cwd=folder)
    return folder / "gadgets"


def test_a_new_distribution_with_every_part_passes_its_own_tests(scaffold: Path, authors: Path) -> None:
    said = run(authors, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgresql", cwd=scaffold)
    assert passed(said) > 90


def test_its_types_are_strict(scaffold: Path, authors: Path) -> None:
    (scaffold / "mypy.ini").write_text(
        "[mypy]\nstrict = True\ndisallow_subclassing_any = False\nuntyped_calls_exclude = peewee\n"
        "[mypy-aasim_gadgets.migrations.*]\ndisallow_untyped_defs = False\n"
    )
    run(authors, "-m", "mypy", "aasim_gadgets", cwd=scaffold)
