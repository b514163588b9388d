"""An app with engines, whose API keys are sealed, and what a test does to its key ring."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.context import system_scope
from aasim_core.plugins.loading.discovery import discover
from aasim_core.secrets import Keyring, load_keyring, new_key, save_keyring
from aasim_core.testing.world import World
from aasim_plugins.engines.models import Engine

ON = {"auth", "engines", "engine_openai"}


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Every other bundled plugin is off."""
    return {"plugins.disabled": sorted(discover(None).keys() - ON)}


@pytest.fixture
def make_engines(world: World) -> Callable[[int], list[str]]:
    """Makes so many engines with API keys ``sk-0``, ``sk-1``…, in two organizations in turn; returns their ids."""

    def make(count: int) -> list[str]:
        owners = [world.organization().client for _ in range(2)]
        body = {"provider": "openai_compatible", "model": "m", "base_url": "https://models.example.com/v1"}
        return [
            owners[number % 2].post("/engines", {**body, "name": f"Engine {number}", "api_key": f"sk-{number}"}).data["id"]
            for number in range(count)
        ]

    return make


def rotate(app: App) -> str:
    """Put a new key first, in the file and in the app's ring; returns its id."""
    return use_ring(app, app.keyring.rotated())


def lose_all_keys(app: App) -> None:
    """Put a ring of other keys in the place of the app's."""
    use_ring(app, Keyring([new_key()]))


def use_ring(app: App, ring: Keyring) -> str:
    """Make the file, and what the app has of it, that ring; returns the id of its newest key."""
    path = app.settings.secrets.key_file
    save_keyring(ring, path)
    app.keyring = load_keyring(path)
    return ring.key_ids[0]


def opened(app: App) -> list[str]:
    """The API keys of all engines, in the order of their making."""
    with system_scope("test"):
        engines = list(Engine.select().order_by(Engine.id))
    return [
        app.keyring.open(engine.api_key, Engine.api_key.place(engine.id, engine.organization_id)).reveal() for engine in engines
    ]
