"""``aasim migrate`` creates the role in ``database.app_role`` and grants it the tables, whenever the setting is added."""

from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex
from typing import Any

import peewee
import pytest

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.process.installation import refuse_unfit_database
from aasim_core.process.upgrading import upgrade
from aasim_core.terminal.exit_codes import explain
from aasim_core.testing.apps import settings_in
from aasim_core.testing.databases import PostgresServer

pytestmark = [pytest.mark.postgres, pytest.mark.parametrize("databases", ["postgresql"], indirect=True)]


@pytest.fixture
def role(databases: PostgresServer) -> Iterator[str]:
    """The name of a role that does not exist yet."""
    name = f"aasim_test_late_{token_hex(6)}"
    yield name
    databases.connection.execute(f'DROP ROLE IF EXISTS "{name}"')


@pytest.fixture
def site(role: str, empty_database_url: str, tmp_path: Path) -> Iterator[Any]:
    """Builds the app with these settings of its database; needs `role`, so that the database is dropped before it."""
    apps: list[App] = []

    def build(**settings: str) -> App:
        flags = {"database.url": empty_database_url, "plugins.enabled": ["auth"]}
        flags |= {f"database.{name}": value for name, value in settings.items()}
        apps.append(build_app(settings_in(tmp_path, flags)))
        return apps[-1]

    yield build
    for app in apps:
        app.database.close_all()


def role_of(app: App) -> str:
    """The role in which the app reads a table, after the checks of a process that starts."""
    refuse_unfit_database(app)
    with app.database.connected():
        return str(app.database.execute_sql("SELECT current_user FROM core_migration").fetchone()[0])


@pytest.mark.parametrize("exists", [False, True])
def test_a_role_that_is_set_after_the_first_migration_is_granted_the_tables(
    databases: PostgresServer, site: Any, role: str, exists: bool
) -> None:
    upgrade(site())
    if exists:
        databases.connection.execute(f'CREATE ROLE "{role}" NOLOGIN')
        with pytest.raises(peewee.ProgrammingError) as refused:
            refuse_unfit_database(site(app_role=role))
        assert "run: aasim migrate, as the owner of the tables" in explain(refused.value)[0][0]
    assert upgrade(site(app_role=role)) == []
    assert role_of(site(app_role=role)) == role


def test_a_role_that_does_not_exist_is_created_for_a_new_installation(site: Any, role: str) -> None:
    assert upgrade(site(app_role=role))
    assert role_of(site(app_role=role)) == role
