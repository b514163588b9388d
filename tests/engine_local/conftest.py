"""The embedded model, fetched once, and a host that the tests of this process share."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from aasim_plugins.engine_local.fetch import FILE_NAME, fetch
from aasim_plugins.engine_local.service import LocalChat
from aasim_plugins.engine_local.settings import LocalSettings
from aasim_plugins.engine_local.supervise import Supervisor

# Read here, because each test runs without the settings of whoever runs it.
MODEL_DIR = Path(os.environ.get("AASIM_TEST_MODEL_DIR") or Path(__file__).parents[2] / "var" / "models")


@pytest.fixture(scope="session")
def model_path() -> Path:
    """The default model; a test that cannot have it fails with the sentence that says why."""
    path = MODEL_DIR / FILE_NAME
    fetch(path, lambda what, done, whole: None)
    return path


@pytest.fixture(scope="session")
def settings(model_path: Path) -> LocalSettings:
    """Settings with the default model."""
    return LocalSettings(model_path=model_path)


@pytest.fixture(scope="session")
def shared_supervisor(settings: LocalSettings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """A supervisor whose host runs until the last test."""
    supervisor = Supervisor(settings, tmp_path_factory.mktemp("engine-local"))
    yield supervisor
    supervisor.release()


@pytest.fixture
def supervisor(settings: LocalSettings, tmp_path: Path) -> Iterator[Supervisor]:
    """A supervisor of the test's own, for tests that do harm to the host."""
    supervisor = Supervisor(settings, tmp_path)
    yield supervisor
    supervisor.release()


@pytest.fixture
def chat(settings: LocalSettings, shared_supervisor: Supervisor) -> Iterator[LocalChat]:
    """A chat with the embedded model."""
    opened = LocalChat(settings, shared_supervisor)
    yield opened
    opened.close()
