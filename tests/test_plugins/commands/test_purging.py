"""``aasim plugins purge``: what a plugin has stored is removed, in its tables and elsewhere."""

from pathlib import Path
from typing import Any

import pytest

from aasim_core.data.backends.connect import connect
from aasim_core.data.migrator.runner import CORE, Source, migrate
from aasim_core.errors import StartupError

from .conftest import run

KEEPS = """
from aasim_core import TenantRecord
import peewee

class Note(TenantRecord):
    text = peewee.TextField()
    class Meta:
        table_name = "notes_note"
        id_prefix = "notes_note"

@hookimpl
def models(app): return [Note]

@hookimpl
def purge(app):
    rows, folder = Note.select().count(), app.settings.data_dir
    if (folder / "stuck").exists():
        raise OSError("the store does not answer")
    (folder / "notes.txt").write_text(f"purged with {rows} rows")
"""
MADE = """
def up(migrator, db):
    db.execute_sql(
        "CREATE TABLE notes_note (id TEXT PRIMARY KEY, version BIGINT, created_at TEXT, updated_at TEXT, organization_id TEXT, text TEXT)"
    )

def down(migrator, db):
    db.execute_sql("DROP TABLE notes_note")
"""


@pytest.fixture
def keeper(site: Any, file: Path) -> Any:
    """A plugin that keeps something outside of its table, which was made, and that is off now."""
    site.drop("notes", KEEPS, files={"migrations/0001_initial.py": MADE})
    database = connect(f"sqlite:///{site.path}/var/aasim.db")
    migrate(database, [Source("core", CORE), Source("notes", site.dropins / "notes" / "migrations")])
    database.close_all()
    return site


def test_what_a_plugin_keeps_elsewhere_is_purged_while_its_tables_are_there(keeper: Any, file: Path) -> None:
    assert run(keeper, file, "purge", "notes", "--yes").output == "Removed: notes/0001_initial.\n"
    assert (keeper.path / "var" / "notes.txt").read_text() == "purged with 0 rows"


def test_a_plugin_that_cannot_purge_keeps_its_tables_and_is_asked_again(keeper: Any, file: Path) -> None:
    stuck = keeper.path / "var" / "stuck"
    stuck.touch()
    refusal = run(keeper, file, "purge", "notes", "--yes").exception
    assert "Plugin notes failed in its hook purge: OSError: the store does not answer (notes/__init__.py:" in str(refusal)
    stuck.unlink()
    assert run(keeper, file, "purge", "notes", "--yes").output == "Removed: notes/0001_initial.\n"


def test_a_purge_asks_first_and_is_told_what_it_did(site: Any, file: Path) -> None:
    site.drop("notes")
    assert run(site, file, "purge", "notes", input="n\n").exit_code == 1
    result = run(site, file, "purge", "notes", input="y\n")
    assert "Everything that notes has stored will be gone" in result.output
    assert result.output.endswith("notes has nothing in the database.\n")


def test_a_plugin_that_is_on_is_not_purged_and_nobody_is_asked(site: Any, file: Path) -> None:
    site.bundle("notes")
    result = run(site, file, "purge", "notes")
    assert isinstance(result.exception, StartupError)
    assert result.output == ""
