"""What migrations make, seen without running them on the installation: whether an owner is new, and the columns of its tables."""

import pytest

from aasim_core.data.database import Database
from aasim_core.data.migrator.runner import Source, columns_in, columns_made_by, is_new, migrate
from aasim_core.errors import StartupError

from ..conftest import Write


@pytest.fixture
def shop(write: Write) -> Source:
    """A table whose rows need one value, and have two more."""
    columns = "id TEXT NOT NULL, name TEXT, count INTEGER NOT NULL DEFAULT 0"
    return write("shop", "0001_orders", f"CREATE TABLE shop_order ({columns})", "DROP TABLE shop_order")


def test_an_owner_is_new_until_a_migration_was_applied(empty_database: Database, shop: Source) -> None:
    assert is_new(empty_database, shop)
    migrate(empty_database, [shop])
    assert not is_new(empty_database, shop)


def test_the_columns_that_migrations_make_are_those_in_the_database(empty_database: Database, shop: Source) -> None:
    made = columns_made_by([shop])["shop_order"]
    assert made == {"id": True, "name": False, "count": False}
    assert columns_in(empty_database, "shop_order") == {}
    migrate(empty_database, [shop])
    assert columns_in(empty_database, "shop_order") == made


def test_a_migration_that_fails_in_memory_is_named(write: Write) -> None:
    with pytest.raises(StartupError, match="migration shop/0001_wrong runs while older code works, and would break that"):
        columns_made_by([write("shop", "0001_wrong", "DROP TABLE shop_order")])
