"""Purging: what a plugin that is off has left is removed by undoing its migrations."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from aasim_core.context import system_scope
from aasim_core.data.backends.connect import connect
from aasim_core.data.migrator.runner import migrate
from aasim_core.errors import InvalidArgument
from aasim_core.plugins import purge

MIGRATION = """
def up(migrator, db):
    db.execute_sql("CREATE TABLE notes_note (id TEXT PRIMARY KEY)")

def down(migrator, db):
    db.execute_sql("DROP TABLE notes_note")
"""


@pytest.fixture
def app(site: Any, tmp_path: Path) -> SimpleNamespace:
    """An app whose database has the tables of the drop-in plugin `notes`."""
    from aasim_core.data.migrator.runner import Source

    folder = site.drop("notes", "raise AssertionError", files={"migrations/0001_initial.py": MIGRATION})
    site.bundle("agents")
    database = connect(f"sqlite:///{tmp_path}/test.db")
    migrate(database, [Source("notes", folder / "migrations")])
    return SimpleNamespace(database=database, plugins=site.load())


def tables(app: SimpleNamespace) -> list[str]:
    """The names of all tables."""
    with app.database.connected(), system_scope("look at the tables"):
        return list(app.database.get_tables())


def test_the_tables_of_a_plugin_that_is_off_are_dropped_without_importing_it(site: Any, app: SimpleNamespace) -> None:
    assert "notes_note" in tables(app)
    assert purge(app.plugins, app.database, "notes") == ["notes/0001_initial"]
    assert "notes_note" not in tables(app)
    assert not site.imported("notes")


def test_purging_twice_does_nothing_more(app: SimpleNamespace) -> None:
    purge(app.plugins, app.database, "notes")
    assert purge(app.plugins, app.database, "notes") == []


def test_a_plugin_without_migrations_has_nothing_to_purge(site: Any, app: SimpleNamespace) -> None:
    site.drop("plain")
    app.plugins = site.load()
    assert purge(app.plugins, app.database, "plain") == []


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("agents", "Plugin agents is on; turn it off before it is purged: aasim plugins disable agents"),
        ("note", 'Plugin note is not installed; to purge what it has left, install it again, off; did you mean "notes"?'),
    ],
)
def test_a_plugin_that_is_on_or_not_there_is_not_purged(app: SimpleNamespace, name: str, complaint: str) -> None:
    with pytest.raises(InvalidArgument) as refused:
        purge(app.plugins, app.database, name)
    assert refused.value.problems == (complaint,)


def test_a_broken_plugin_is_not_purged(site: Any, app: SimpleNamespace) -> None:
    app.plugins = site.load("notes", on_error="skip")
    with pytest.raises(InvalidArgument, match="Plugin notes is broken; turn it off before it is purged"):
        purge(app.plugins, app.database, "notes")
    assert "notes_note" in tables(app)
