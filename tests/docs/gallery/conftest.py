"""One app with the plugins of all pages that docs/extend/gallery.md lists, written into a folder as they stand there."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing import work_off
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person, World

from ..pages import Page, write

GALLERY = Page(Path(__file__).parents[3] / "docs" / "extend" / "gallery.md")
_ROW = re.compile(r"^\| `(\w+)` \| \[(\w+)\]\(([\w/-]+\.md)\) \| .+ \| (\d+) \|$", re.MULTILINE)
METRICS_TOKEN, GATEWAY_SECRET = "a token that nobody guesses", "a secret that two know"
#: Small enough to be reached in a test.
LIMITS = {"allowance.calls_a_day": 3, "agent_limit.most": 2, "brevity.words": 5}
#: What the plugins are tried with.
COMPANIONS = ("agents", "connected_apps", "dashboard", "engine_scripted", "job_flows", "metrics", "projects")


@dataclass(frozen=True)
class Row:
    """A row of the gallery: a hook, and the plugin that shows it, on a page."""

    hook: str
    plugin: str
    page: Page
    lines: int

    @property
    def files(self) -> Mapping[str, str]:
        """The plugin's files of Python, as the page has them."""
        files = self.page.files()
        return {name: text for name, text in files.items() if name.startswith(f"{self.plugin}/") and name.endswith(".py")}


ROWS = [
    Row(hook, plugin, Page(GALLERY.path.parent / path), int(lines)) for hook, plugin, path, lines in _ROW.findall(GALLERY.text)
]


#: Plugins that a page has besides the one of its row.
FURTHER = {"caseload": Page(GALLERY.path.parent / "gallery" / "tools.md")}


@pytest.fixture(scope="session")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all plugins of the gallery."""
    folder = tmp_path_factory.mktemp("gallery")
    for row in ROWS:
        write(row.page.files(), folder, f"{row.plugin}/")
    for plugin, page in FURTHER.items():
        write(page.files(), folder, f"{plugin}/")
    return folder


@pytest.fixture(scope="session")
def plugin_settings(gallery: Path) -> Mapping[str, Any]:
    """All of them are on, with what they are tried with."""
    flags = only([*sorted({row.plugin for row in ROWS}), *FURTHER, *COMPANIONS], gallery)
    return {**flags, **LIMITS, "metrics.token": METRICS_TOKEN, "gateway.secret": GATEWAY_SECRET}


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def agent(owner: Person) -> Callable[..., Any]:
    """Makes an agent that plays replies, or is on another engine."""

    def make(*replies: Any, **fields: Any) -> Any:
        [engine] = owner.client.get("/engines?provider=scripted").data["items"]
        body = {"name": f"Agent {len(replies)}", "engine_id": engine["id"], "parameters": {"replies": list(replies)}, **fields}
        return owner.client.post("/agents", body)

    return make


@pytest.fixture
def run(app: App, owner: Person) -> Callable[..., Any]:
    """Runs an agent; returns the execution."""

    def start(agent_id: str, given: str = "Hello.") -> Any:
        execution = owner.client.post(f"/agents/{agent_id}/execute", {"input": given}).data
        work_off(app)
        return owner.client.get(f"/executions/{execution['id']}").data

    return start
