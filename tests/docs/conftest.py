"""The documentation's pages, and one running platform for all their examples."""

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from ..bench.processes import answers, free_port, running, spawn
from .pages import Page, pages_of
from .running import COMMAND, Platform

#: Where the embedded model is, for those who have it elsewhere; read before the tests' own environment is cleared.
MODELS = Path(os.environ.get("AASIM_TEST_MODEL_DIR") or Path(__file__).parents[2] / "var" / "models")


@pytest.fixture(scope="session")
def pages(root: Path) -> Mapping[str, Page]:
    """Every page, by its path in the checkout."""
    return pages_of(root)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An API and a worker with a new person's settings: none but the port and the data folder."""
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            message = f"the examples need {tool}; install it"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    folder, port = tmp_path_factory.mktemp("docs"), free_port()
    settings = {"AASIM_DATA_DIR": str(folder / "data"), "AASIM_BIND": f"127.0.0.1:{port}"}
    log = folder / "log"
    assert spawn([COMMAND, "migrate"], settings, log).wait(60) == 0, log.read_text()
    with running([[COMMAND, "serve"], [COMMAND, "worker"]], settings, log, lambda: answers(port, "/api/v1/health/ready")):
        yield Platform(port, folder)


@pytest.fixture
def model(platform: Platform) -> None:
    """The embedded model, where the platform looks for it."""
    from aasim_plugins.engine_local.fetch import FILE_NAME, fetch

    fetch(MODELS / FILE_NAME, lambda what, done, whole: None)
    place = platform.folder / "data" / "models" / FILE_NAME
    if not place.exists():
        place.parent.mkdir(exist_ok=True)
        place.symlink_to(MODELS / FILE_NAME)
