"""The start of the plugins in a process: one that cannot start stops it, or is left out where the settings say so."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from aasim_core.app import App
from aasim_core.bootstrap import build_app
from aasim_core.data.migrator.runner import migrate
from aasim_core.errors import StartupError
from aasim_core.process.startup import start_plugins, stop_plugins
from aasim_core.testing.apps import settings_in

HOOKS = """
from pathlib import Path

def write(app, what):
    with (app.settings.data_dir / "diary").open("a") as diary:
        diary.write(f"{__name__.rpartition('.')[2]} {what}\\n")

@hookimpl
def startup(app):
    write(app, "starts")

@hookimpl
def shutdown(app):
    write(app, "stops")
"""
SHUT = "from aasim_core import StartupError\n@hookimpl\ndef startup(app):\n    raise StartupError('The shop is shut.')\n"
RECORD = """
import peewee
from aasim_core import TenantRecord

class Note(TenantRecord):
    title = peewee.TextField()

    class Meta:
        table_name = "notes_note"
        id_prefix = "notes"

@hookimpl
def models(app):
    return [Note]
"""
MIGRATION = """
COLUMNS = ("id", "version", "created_at", "updated_at", "organization_id", "{column}")

def up(migrator, db):
    db.execute_sql(f"CREATE TABLE notes_note ({{', '.join(COLUMNS)}})")

def down(migrator, db):
    db.execute_sql("DROP TABLE notes_note")
"""
MISSING = (
    "declares the column title of notes_note, which the database does not have; a migration that was applied is not run again, so leave it "
    'as it was and write one that adds it, with aasim plugins makemigration notes; did you mean "titel"? (notes/__init__.py:8)'
)


@pytest.fixture
def build(site: Any, tmp_path: Path) -> Iterator[Callable[..., App]]:
    """Builds an app over a migrated database, with the drop-in plugins that the test has written."""
    built: list[App] = []

    def build(on_error: str = "stop") -> App:
        names = sorted(folder.name for folder in site.dropins.iterdir())
        flags = {"plugins.folder": str(site.dropins), "plugins.enabled": names, "plugins.on_error": on_error}
        app = build_app(settings_in(tmp_path, flags))
        migrate(app.database, app.migration_sources)
        built.append(app)
        return app

    yield build
    for app in built:
        app.database.close_all()


def diary(app: App) -> list[str]:
    """What the plugins have written."""
    return (app.settings.data_dir / "diary").read_text().splitlines()


def states(app: App) -> dict[str, str]:
    """The state of each plugin."""
    return {plugin.name: plugin.state for plugin in app.plugins.found}


def test_plugins_start_in_the_order_of_their_needs(site: Any, build: Callable[..., App]) -> None:
    site.drop("first", HOOKS, requires=("second",))
    site.drop("second", HOOKS)
    app = build()
    assert start_plugins(app) is app
    stop_plugins(app)
    assert diary(app) == ["second starts", "first starts", "second stops", "first stops"]


def test_a_plugin_that_cannot_start_stops_those_that_have_started_and_the_process(site: Any, build: Callable[..., App]) -> None:
    site.drop("eager", HOOKS)
    site.drop("late", SHUT)
    app = build()
    with pytest.raises(StartupError, match=r"^The shop is shut\.$"):
        start_plugins(app)
    assert diary(app) == ["eager starts", "eager stops"]


def test_where_broken_plugins_are_skipped_the_rest_starts_in_an_app_without_it(site: Any, build: Callable[..., App]) -> None:
    site.drop("eager", HOOKS)
    site.drop("late", SHUT)
    site.drop("later", HOOKS, requires=("late",))
    app = start_plugins(build("skip"))
    assert states(app) == {"eager": "on", "late": "broken", "later": "blocked"}
    assert app.plugins.problems == ("Plugin late cannot start: The shop is shut.",)
    assert diary(app) == ["eager starts", "eager stops", "eager starts"]


def test_several_that_cannot_start_are_all_left_out(site: Any, build: Callable[..., App]) -> None:
    site.drop("bust", "@hookimpl\ndef startup(app):\n    1 / 0")
    site.drop("late", SHUT)
    app = start_plugins(build("skip"))
    assert states(app) == {"bust": "broken", "late": "broken"}
    assert len(app.plugins.problems) == 2


def test_one_that_fails_to_stop_lets_the_others_stop(site: Any, build: Callable[..., App]) -> None:
    site.drop("bust", "@hookimpl\ndef shutdown(app):\n    1 / 0")
    site.drop("eager", HOOKS)
    app = build()
    stop_plugins(app)
    assert diary(app) == ["eager stops"]


def test_a_plugin_whose_migrations_make_other_columns_than_its_records_have_does_not_start(
    site: Any, build: Callable[..., App]
) -> None:
    site.drop("notes", RECORD, files={"migrations/0001_initial.py": MIGRATION.format(column="titel")})
    with pytest.raises(StartupError) as refused:
        start_plugins(build())
    assert refused.value.problems == (f"Plugin notes {MISSING}.",)
    app = start_plugins(build("skip"))
    assert app.plugins.find("notes").reason == MISSING
    assert "notes_note" not in {model._meta.table_name for model in app.models}


def test_a_plugin_whose_migrations_make_the_columns_of_its_records_starts(site: Any, build: Callable[..., App]) -> None:
    site.drop("notes", RECORD, files={"migrations/0001_initial.py": MIGRATION.format(column="title")})
    assert states(start_plugins(build())) == {"notes": "on"}


ADDED = """
def up(migrator, db):
    db.execute_sql("ALTER TABLE notes_note ADD COLUMN color TEXT {more}")
def down(migrator, db): ...
"""


@pytest.mark.parametrize("more", ["", "NOT NULL DEFAULT 'red'"])
def test_a_plugin_starts_on_a_table_to_which_a_newer_version_has_added(site: Any, build: Callable[..., App], more: str) -> None:
    files = {"migrations/0001_initial.py": MIGRATION.format(column="title"), "migrations/0002_color.py": ADDED.format(more=more)}
    site.drop("notes", RECORD, files=files)
    assert states(start_plugins(build())) == {"notes": "on"}


def test_a_column_without_which_the_plugin_could_write_no_row_is_told(site: Any, build: Callable[..., App]) -> None:
    table = MIGRATION.format(column="title").replace('"title")', '"title", "color TEXT NOT NULL")')
    site.drop("notes", RECORD, files={"migrations/0001_initial.py": table})
    with pytest.raises(
        StartupError, match="Plugin notes cannot write rows of notes_note while the column color is there, which is not"
    ):
        start_plugins(build())


def test_a_table_that_no_migration_makes_is_told(site: Any, build: Callable[..., App]) -> None:
    site.drop("notes", RECORD, files={"migrations/0001_initial.py": "def up(migrator, db): ...\ndef down(migrator, db): ..."})
    with pytest.raises(StartupError, match="Plugin notes declares the table notes_note, which the database does not have; a mig"):
        start_plugins(build())
