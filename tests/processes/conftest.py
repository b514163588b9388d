"""Installations for the tests of this folder; the database is migrated once and copied."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .client import Client
from .installation import Installation, aasim

Install = Callable[..., Installation]
#: The embedded model is not needed to see how processes behave, and would be fetched.
NO_MODEL = {"AASIM_PLUGINS__DISABLED": '["engine_local"]'}
# Read here, because each test runs without the settings of whoever runs it.
MODEL_DIR = Path(os.environ.get("AASIM_TEST_MODEL_DIR") or Path(__file__).parents[2] / "var" / "models")


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder with keys and a migrated database."""
    folder = tmp_path_factory.mktemp("migrated") / "data"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AASIM_")}
    subprocess.run(aasim("migrate", "--data", str(folder)), env=environment, check=True, stdout=subprocess.DEVNULL)
    return folder


@pytest.fixture
def install(tmp_path: Path, migrated: Path) -> Iterator[Install]:
    """Makes installations, ``install(empty=True)`` one that nobody has started yet; at the end all is looked through."""
    made: list[Installation] = []

    def install_one(*, empty: bool = False, **settings: str) -> Installation:
        installation = Installation(tmp_path / f"installation-{len(made)}", {**NO_MODEL, **settings})
        installation.folder.mkdir()
        if not empty:
            shutil.copytree(migrated, installation.data)
        made.append(installation)
        return installation

    yield install_one
    for installation in made:
        installation.close()


@pytest.fixture
def installation(install: Install) -> Installation:
    """A migrated installation without processes."""
    return install()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory, migrated: Path) -> Iterator[Installation]:
    """An installation whose API and worker run, for tests that do it no harm."""
    installation = Installation(tmp_path_factory.mktemp("running"), dict(NO_MODEL))
    shutil.copytree(migrated, installation.data)
    installation.start("worker")
    installation.serve()
    yield installation
    installation.close()


@pytest.fixture
def ada(running: Installation) -> Client:
    """A new person in the running installation."""
    return running.visitor.register()
