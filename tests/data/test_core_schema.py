"""The core's migrations make the tables that its records mean, and go down again."""

import pytest

from aasim_core.core import MODELS
from aasim_core.data.connect import Database
from aasim_core.data.migrations import CORE, Source
from aasim_core.testing.tables import History, differences, history_of


@pytest.fixture
def history(empty_database: Database) -> History:
    """The tables by the migrations, by the records, and after they went down."""
    return history_of(empty_database, [Source("core", CORE)], "core", MODELS)


def test_migrations_and_records_agree(history: History) -> None:
    history.migrated.pop("core_migration")
    assert differences(history.migrated, history.meant, "by the migrations", "by the records") == []


def test_migrations_go_down_and_up_again(history: History) -> None:
    assert set(history.left) - set(history.before) <= {"core_migration"}
    assert differences(history.migrated, history.again, "at first", "the second time") == []
