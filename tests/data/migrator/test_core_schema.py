"""The core's migrations make the tables that its records mean, and go down again."""

import pytest

from aasim_core.builtin.declarations import MODELS
from aasim_core.data.migrator.runner import CORE, Source
from aasim_core.testing.databases import Databases
from aasim_core.testing.tables import History, differences, history_of


@pytest.fixture(scope="module")
def history(shared_databases: Databases) -> History:
    """The tables by the migrations, by the records, and after they went down."""
    return history_of(shared_databases, [Source("core", CORE)], "core", MODELS)


@pytest.mark.long
def test_migrations_and_records_agree(history: History) -> None:
    migrated = {table: shape for table, shape in history.migrated.items() if table != "core_migration"}
    assert differences(migrated, history.meant, "by the migrations", "by the records") == []


@pytest.mark.long
def test_migrations_go_down_and_up_again(history: History) -> None:
    assert set(history.left) - set(history.before) <= {"core_migration"}
    assert differences(history.migrated, history.again, "at first", "the second time") == []
