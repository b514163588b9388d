"""What the tests of the data layer share."""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from aasim_core.data.backends.connect import bind, connect
from aasim_core.data.database import Database
from aasim_core.data.migrator import runner as migrations
from aasim_core.data.migrator.runner import Source
from aasim_core.secrets import Keyring, new_key, save_keyring
from aasim_core.settings import Settings

from .installations import Settle
from .scope.landscape import RECORDS, Landscape, Shape, settle

#: Writes a migration: the owner, the name, and what it does up and down.
Write = Callable[[str, str, str, str], Source]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A writer of migrations; it returns the owner's source."""

    def write(owner: str, name: str, up: str, down: str = "") -> Source:
        folder = tmp_path / owner / "migrations"
        folder.mkdir(parents=True, exist_ok=True)
        bodies = (f"def {way}(migrator, db):\n    db.execute_sql({sql!r})\n" for way, sql in (("up", up), ("down", down)) if sql)
        (folder / f"{name}.py").write_text("\n\n".join(bodies))
        return Source(owner, folder)

    return write


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the shapes of queries that the test's database does not know."""
    items[:] = [item for item in items if _suits(getattr(item, "callspec", None))]


def _suits(callspec: Any) -> bool:
    shape = callspec and callspec.params.get("shape")
    return not isinstance(shape, Shape) or shape.only in (None, callspec.params["databases"])


@pytest.fixture(scope="session")
def migration_sources() -> Sequence[migrations.Source]:
    """The tables of these tests only."""
    return [migrations.Source("attack", Path(__file__).parent / "migrations")]


@pytest.fixture
def unguarded(database_url: str) -> Iterator[Database]:
    """A database whose server guards nothing: on PostgreSQL, a superuser walks through row-level security."""
    database = connect(database_url, durability="normal")
    bind(database, RECORDS)
    with database.connected():
        yield database
    database.close_all()


@pytest.fixture
def empty_database(empty_database_url: str) -> Iterator[Database]:
    """A connected database without tables, whose owner we are."""
    database = connect(empty_database_url, durability="normal")
    with database.connected():
        yield database
    database.close_all()


@pytest.fixture
def land(unguarded: Database) -> Landscape:
    """Two organizations with rows, seen by a process that only the tenant scope holds back."""
    return settle(unguarded)


@pytest.fixture
def guarded_land(database: Database) -> Landscape:
    """Two organizations with rows, with row-level security on where the database has it."""
    bind(database, RECORDS)
    return settle(database)


@pytest.fixture
def settings_at(tmp_path: Path, app_role: str | None) -> Settle:
    """Settings of an installation in a folder of that name, with its database at the URL."""

    def settle(name: str, url: str) -> Settings:
        flags = {"data_dir": str(tmp_path / name), "database.url": url} | ({"database.app_role": app_role} if app_role else {})
        return Settings.load(flags, environ={})

    return settle


@pytest.fixture
def here(guarded_land: Landscape, database_url: str, settings_at: Settle) -> Settings:
    """An installation with keys and the rows of two organizations."""
    settings = settings_at("here", database_url)
    settings.data_dir.mkdir()
    save_keyring(Keyring([new_key()]), settings.secrets.key_file)
    return settings


@pytest.fixture
def there(empty_database_url: str, settings_at: Settle) -> Settings:
    """An installation that does not exist yet."""
    return settings_at("there", empty_database_url)
