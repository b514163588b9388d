"""Plugins that were built against a former release work with this one, and keep today's contract."""

import shutil
from pathlib import Path

import pytest

from .conftest import PIP, passed, run
from .keep import DROPINS

pytestmark = pytest.mark.long

KEPT = sorted(path for path in (Path(__file__).parent / "kept").iterdir() if path.is_dir())


@pytest.fixture(scope="module", params=KEPT, ids=lambda folder: folder.name)
def kept(request: pytest.FixtureRequest) -> Path:
    """The folder of a former release."""
    return Path(request.param)


@pytest.fixture(scope="module")
def installed(kept: Path, authors: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where its wheels are installed: beside the environment of the author, and found before it."""
    place = tmp_path_factory.mktemp("kept")
    run(authors, *PIP, "--no-deps", "--target", place, *kept.glob("*.whl"), cwd=place)
    return place


def test_nothing_is_wrong_with_them(installed: Path, aasim: Path, tmp_path: Path) -> None:
    (tmp_path / "aasim.toml").touch()
    command = (aasim, "--config", "aasim.toml", "plugins")
    run(*command, "enable", "bookmarks", *DROPINS, cwd=tmp_path, PYTHONPATH=str(installed))
    assert "othing is wrong" in run(*command, "check", cwd=tmp_path, PYTHONPATH=str(installed))


def test_they_keep_the_contract_of_today(kept: Path, installed: Path, authors: Path, tmp_path: Path) -> None:
    shutil.copytree(kept / "tests", tmp_path / "tests")
    command = (authors, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-k", "not postgresql")
    assert passed(run(*command, cwd=tmp_path, PYTHONPATH=str(installed))) > 130
