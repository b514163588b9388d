"""The documentation's pages, and one running platform for all their examples."""

import os
import shutil
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from aasim_plugins.engine_local.fetch import FILE_NAME, fetch

from ..bench.processes import answers, free_port, running, spawn
from .model_host import model_host
from .pages import Page, pages_of
from .running import COMMAND, Platform

#: Where the embedded model is, for those who have it elsewhere; read before the tests' own environment is cleared.
MODELS = Path(os.environ.get("AASIM_TEST_MODEL_DIR") or Path(__file__).parents[2] / "var" / "models")
#: The MCP server that the recipe of a research agent has its operator set up, in TOML.
MCP_SERVERS = f"{{papers = ['{sys.executable}', '{Path(__file__).with_name('mcp_papers.py')}']}}"


@pytest.fixture(scope="session")
def pages(root: Path) -> Mapping[str, Page]:
    """Every page, by its path in the checkout."""
    return pages_of(root)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An installation that the pages share, each with a person of its own."""
    yield from _installation(tmp_path_factory.mktemp("docs"))


@pytest.fixture
def new_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    """An installation that nobody has used."""
    yield from _installation(tmp_path_factory.mktemp("docs"))


def _installation(folder: Path) -> Iterator[Platform]:
    """An API and a worker with a new person's settings: none but the port, the data folder, an MCP server and where webhooks may be."""
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            message = f"the examples need {tool}; install it"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    port = free_port()
    settings = {
        "AASIM_DATA_DIR": str(folder / "data"),
        "AASIM_BIND": f"127.0.0.1:{port}",
        "AASIM_CONNECTED_APPS__MCP_SERVERS": MCP_SERVERS,
        "AASIM_WEBHOOKS__ALLOWED_NETWORKS": '["127.0.0.0/8", "::1/128"]',
    }
    log = folder / "log"
    assert spawn([COMMAND, "migrate"], settings, log).wait(300) == 0, log.read_text()
    place = folder / "data" / "models" / FILE_NAME
    place.parent.mkdir(exist_ok=True)
    place.symlink_to(MODELS / FILE_NAME)
    commands = [[COMMAND, "serve"], [COMMAND, "worker"]]
    with model_host() as url, running(commands, settings, log, lambda: answers(port, "/api/v1/health/ready")):
        yield Platform(port, folder, url)


@pytest.fixture(scope="session")
def model() -> None:
    """The embedded model, where every platform looks for it."""
    fetch(MODELS / FILE_NAME, lambda what, done, whole: None)
