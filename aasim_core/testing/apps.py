"""Pytest fixtures of a whole app: `app`, `world`, and `inbox` for its mails.

`plugin_settings` selects the plugins and their settings; override it in a conftest or module. Tests with equal settings share one app in
turn, over a database that is emptied for each (`shared_apps.py`).
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from ..app import App, migration_sources
from ..bootstrap import load_plugins
from ..plugins import Plugins
from ..secrets import Keyring, new_key, save_keyring
from ..settings import Settings
from .databases import Databases
from .mailbox import Inbox, serving
from .shared_apps import PATIENCE_SECONDS, SharedApps, data_folder
from .world import World

_PATIENCE = {"database.pool_wait_seconds": PATIENCE_SECONDS, "database.statement_timeout_seconds": 2 * PATIENCE_SECONDS}


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Flags for `Settings.load`: without any, the bundled plugins are enabled with their defaults."""
    return {}


def settings_in(folder: Path, plugin_settings: Mapping[str, Any], **flags: Any) -> Settings:
    """Settings for a separate data folder, with a new key ring and without rate limits."""
    given = {"data_dir": str(folder), "rate_limits.enabled": False, "auth.registration": "open", **plugin_settings, **flags}
    settings = Settings.load(given, environ={})
    if not settings.secrets.key_file.exists():
        save_keyring(Keyring([new_key()]), settings.secrets.key_file)
    return settings


@pytest.fixture(scope="session")
def _loaded() -> dict[str, Plugins]:
    return {}


@pytest.fixture
def app_plugins(
    plugin_settings: Mapping[str, Any], tmp_path_factory: pytest.TempPathFactory, _loaded: dict[str, Plugins]
) -> Plugins:
    """The enabled plugins, loaded once per `plugin_settings`, which each folder of tests may override."""
    key = repr(sorted(plugin_settings.items()))
    if key not in _loaded:
        _loaded[key] = load_plugins(settings_in(tmp_path_factory.mktemp("plugins"), plugin_settings))
    return _loaded[key]


@pytest.fixture
def inbox() -> Inbox:
    """Everybody's mailbox. The app of a test with this fixture sends its mails over SMTP to a server on the loopback interface."""
    return Inbox()


@pytest.fixture(scope="session")
def _shared_apps() -> Iterator[SharedApps]:
    with SharedApps() as apps:
        yield apps


@pytest.fixture(scope="session")
def _data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("data")


@pytest.fixture
def app_settings(
    request: pytest.FixtureRequest,
    databases: Databases,
    app_plugins: Plugins,
    _data_dir: Path,
    plugin_settings: Mapping[str, Any],
) -> Iterator[Settings]:
    """Settings for an app over an empty database of its own, once on SQLite and once on PostgreSQL."""
    has_mail = "inbox" in request.fixturenames
    with databases.lent(migration_sources(app_plugins)) as database:
        settings = settings_in(_data_dir, plugin_settings, **database, **_PATIENCE)
        mail = serving(request.getfixturevalue("inbox"), settings) if has_mail else nullcontext(settings)
        with data_folder(_data_dir), mail as reached:
            yield reached


@pytest.fixture
def app(app_settings: Settings, app_plugins: Plugins, _shared_apps: SharedApps) -> Iterator[App]:
    """An app over an empty database, connected, in no scope."""
    with _shared_apps.lent(app_settings, app_plugins) as app:
        yield app


@pytest.fixture
def world(app: App, _shared_apps: SharedApps) -> World:
    """Organizations, people and clients for the app."""
    return World(app, _shared_apps.wsgi_of(app))


@pytest.fixture
def join(app: App) -> Iterator[Callable[[object], None]]:
    """Lets a plugin of the test's own implement hooks; it is removed after the test, since the others are shared."""
    manager = app.plugins.manager
    joined: list[object] = []

    def register(plugin: object) -> None:
        manager.register(plugin)
        joined.append(plugin)

    yield register
    for plugin in joined:
        manager.unregister(plugin)
