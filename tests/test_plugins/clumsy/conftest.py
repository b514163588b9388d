"""An app with the plugin `clumsy`, of which each part makes the mistake that a test wants."""

import json
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.testing.selection import only
from aasim_core.testing.world import Person, World

DROPINS = Path(__file__).parents[1] / "dropins"
#: Has the parts make these mistakes, from now on.
Wrong = Callable[..., None]


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """The plugin, what it requires, and what runs agents."""
    return only(["clumsy", "engine_scripted", "projects"], DROPINS)


@pytest.fixture
def owner(world: World) -> Person:
    """The owner of an organization."""
    return world.organization()


@pytest.fixture
def wrong(app: App, owner: Person) -> Any:
    """Has the parts make these mistakes: ``wrong(tool="key")``; at the end of the test they are told nothing more."""
    path = app.settings.data_dir / "clumsy.json"
    path.unlink(missing_ok=True)
    (app.settings.data_dir / "clumsy.log").unlink(missing_ok=True)
    yield lambda **mistakes: path.write_text(json.dumps(mistakes))
    path.unlink(missing_ok=True)


@pytest.fixture
def calls(app: App) -> Callable[[str], int]:
    """Tells how often a part was called."""
    path = app.settings.data_dir / "clumsy.log"
    return lambda part: Counter(path.read_text().split())[part] if path.exists() else 0


@pytest.fixture
def faults(capsys: pytest.CaptureFixture[str]) -> Callable[[], list[str]]:
    """The lines of the log about what plugins did, since the test began or asked."""
    return lambda: [line for line in capsys.readouterr().out.splitlines() if "a plugin " in line or "unexpected error" in line]
