"""Installations to be examined: each is whole until a test breaks one thing of it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import migration_sources
from aasim_core.diagnosis.examination import Finding, examine
from aasim_core.plugins import Plugins
from aasim_core.settings import Settings
from aasim_core.testing.apps import settings_in
from aasim_core.testing.databases import Databases, PostgresServer, SqliteFolder
from aasim_core.testing.selection import only

#: Makes an installation with these settings.
Make = Callable[..., Settings]


def findings(settings: Settings) -> Mapping[str, Finding]:
    """What is found, by the names of the checks."""
    return {finding.name: finding for finding in examine(lambda: settings)}


def finding(settings: Settings, name: str) -> tuple[str, str]:
    """The state that a check finds, and what it says."""
    found = findings(settings)[name]
    return found.state, " ".join(found.problems)


def fetch_model(settings: Settings) -> Path:
    """Put a file where the embedded model is expected."""
    model = settings.data_dir / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    model.parent.mkdir()
    model.write_bytes(b"GGUF")
    return model


@pytest.fixture(scope="session")
def plugin_settings() -> Mapping[str, Any]:
    """Few plugins, since each examination builds an app."""
    return only(["engine_local"])


def _makes(databases: Databases, plugins: Plugins, folder: Path, flags: Mapping[str, Any], stack: ExitStack) -> Make:
    def make(**more: Any) -> Settings:
        given = stack.enter_context(databases.lent(migration_sources(plugins)))
        folder.mkdir(mode=0o700, exist_ok=True)
        own = {name.replace("__", "."): value for name, value in more.items()}
        return settings_in(folder, flags, **{**given, **own})

    return make


@pytest.fixture
def installation(
    sqlite_folder: SqliteFolder, app_plugins: Plugins, tmp_path: Path, plugin_settings: Mapping[str, Any]
) -> Iterator[Make]:
    """An installation on SQLite."""
    with ExitStack() as stack:
        yield _makes(sqlite_folder, app_plugins, tmp_path / "data", plugin_settings, stack)


@pytest.fixture
def on_postgres(
    postgres_server: PostgresServer, app_plugins: Plugins, tmp_path: Path, plugin_settings: Mapping[str, Any]
) -> Iterator[Make]:
    """An installation on PostgreSQL."""
    with ExitStack() as stack:
        yield _makes(postgres_server, app_plugins, tmp_path / "data", plugin_settings, stack)
