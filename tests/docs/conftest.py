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
from .pages import Page, pages_of, write
from .running import COMMAND, Platform

#: Where the embedded model is, for those who have it elsewhere; read before the tests' own environment is cleared.
MODELS = Path(os.environ.get("AASIM_TEST_MODEL_DIR") or Path(__file__).parents[2] / "var" / "models")
#: The page that has its reader write an MCP server and name it in the settings.
_RECIPE = "docs/recipes/research-agent.md"


@pytest.fixture(scope="session")
def pages(root: Path) -> Mapping[str, Page]:
    """Every page, by its path in the checkout."""
    return pages_of(root)


@pytest.fixture(scope="session")
def platform(tmp_path_factory: pytest.TempPathFactory, pages: Mapping[str, Page]) -> Iterator[Platform]:
    """An installation that the pages share, each with a person of its own."""
    yield from _installation(tmp_path_factory.mktemp("docs"), pages[_RECIPE])


@pytest.fixture
def new_platform(tmp_path_factory: pytest.TempPathFactory, pages: Mapping[str, Page]) -> Iterator[Platform]:
    """An installation that nobody has used."""
    yield from _installation(tmp_path_factory.mktemp("docs"), pages[_RECIPE])


def _installation(folder: Path, recipe: Page) -> Iterator[Platform]:
    """An API and a worker with a new person's settings: the port, the data folder, the recipe's MCP server and where webhooks may be."""
    for tool in ("bash", "curl", "jq"):
        if shutil.which(tool) is None:
            message = f"the examples need {tool}; install it"
            pytest.fail(message) if os.environ.get("CI") else pytest.skip(message)
    write(recipe.files(), folder)
    port = free_port()
    settings = {
        "AASIM_DATA_DIR": str(folder / "data"),
        "AASIM_BIND": f"127.0.0.1:{port}",
        "AASIM_CONNECTED_APPS__MCP_SERVERS": f"{{papers = ['{sys.executable}', '{folder / 'papers.py'}']}}",
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
