"""``aasim plugins``: the table, the check, and the switches, as a person sees them."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from aasim_core.errors import InvalidArgument, StartupError

from .conftest import run

DECLARES = (
    "from aasim_core import Event, Permission\n@hookimpl\ndef permissions(app): return [Permission('notes:read', 'See notes.')]\n"
)


def test_the_list_shows_every_plugin_with_its_state_origin_and_reason(site: Any, file: Path) -> None:
    site.bundle("agents", title="Agents")
    site.bundle("executions", "1 / 0", requires=("agents",))
    site.install("aasim-slack", "slack", title="Slack")
    result = run(site, file)
    assert result.exit_code == 0
    lines = {line.split()[0]: line for line in result.output.splitlines() if line.strip()}
    assert lines["agents"].split() == ["agents", "on", "0.0.1", "bundled", "Agents"]
    assert "It does not import: ZeroDivisionError: division by zero (executions/__init__.py:4)" in lines["executions"]
    assert lines["slack"].split() == ["slack", "off", "1.2.0", "aasim-slack", "Slack"]
    assert "Plugin executions does not import" in result.output


def test_the_list_shows_what_each_plugin_brings_when_asked(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES)
    assert "notes permissions: notes:read\n" in run(site, file, "list", "--provides").output


def test_the_list_shows_a_plugin_that_is_broken_in_what_it_declares(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES.replace("notes:read", "note:read"))
    output = run(site, file).output
    assert "broken" in output
    assert "declares the permission note:read; name it notes:<verb>" in output


def test_the_list_needs_no_keys(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES)
    ring = file.with_name("ring.json")
    ring.write_text("no keys")
    ring.chmod(0o600)
    file.write_text(f'[secrets]\nkey_file = "{ring}"\n')
    assert isinstance(run(site, file, "check").exception, StartupError)
    assert ["notes", "on"] in [line.split()[:2] for line in run(site, file).output.splitlines()]


@pytest.mark.long
def test_the_check_is_content_when_nothing_is_wrong(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES)
    assert run(site, file, "check").output == "Nothing is wrong with the plugins.\n"


def test_the_check_tells_all_that_is_wrong_even_where_errors_are_skipped(site: Any, file: Path) -> None:
    site.bundle("agents", "1 / 0")
    site.bundle("teams", api="3.0")
    file.write_text('[plugins]\non_error = "skip"\n')
    result = run(site, file, "check")
    assert isinstance(result.exception, StartupError)
    assert len(result.exception.problems) == 2


def test_the_check_finds_what_only_the_declarations_show_even_where_errors_are_skipped(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES.replace("notes:read", "note:read"))
    file.write_text('[plugins]\non_error = "skip"\n')
    result = run(site, file, "check")
    assert isinstance(result.exception, StartupError)
    assert result.exception.problems == (
        "Plugin notes declares the permission note:read; name it notes:<verb> (notes/__init__.py:5).",
    )


RECORD = """
import peewee
from aasim_core import TenantRecord
class Note(TenantRecord):
    color = peewee.TextField()
    class Meta:
        table_name = "notes_note"
        id_prefix = "notes"
@hookimpl
def models(app): return [Note]
"""
MIGRATION = """
def up(migrator, db):
    db.execute_sql("CREATE TABLE notes_note (id TEXT, version INTEGER, created_at TEXT, updated_at TEXT, organization_id TEXT)")
def down(migrator, db): ...
"""


@pytest.mark.parametrize("write", ["bundle", "drop"])
def test_the_check_compares_records_with_what_the_migrations_make(site: Any, file: Path, write: str) -> None:
    getattr(site, write)("notes", RECORD, files={"migrations/0001_initial.py": MIGRATION})
    file.write_text('[plugins]\nenabled = ["notes"]\n')
    result = run(site, file, "check")
    assert isinstance(result.exception, StartupError)
    assert result.exception.problems == (
        "Plugin notes declares the column color of notes_note, which no migration makes; write one that adds it, "
        "with aasim plugins makemigration notes (notes/__init__.py:7).",
    )


HALVES = {
    "migrations/0001_initial.py": MIGRATION.replace("organization_id TEXT", "organization_id TEXT, {old}"),
    "migrations/0002_old.post.py": (
        "def up(migrator, db):\n    db.execute_sql('ALTER TABLE notes_note DROP COLUMN old')\ndef down(migrator, db): ..."
    ),
}
COLORED = "def up(migrator, db):\n    db.execute_sql('ALTER TABLE notes_note ADD COLUMN color TEXT')\ndef down(migrator, db): ..."


def test_the_check_is_content_with_a_plugin_that_works_between_the_halves(site: Any, file: Path) -> None:
    site.bundle("notes", RECORD, files={**_halves("old TEXT"), "migrations/0003_color.py": COLORED})
    assert run(site, file, "check").output == "Nothing is wrong with the plugins.\n"


@pytest.mark.parametrize(
    ("old", "name", "problem"),
    [
        ("old TEXT", "0003_color.post", "the column color of notes_note, which no migration of the first half makes; write one"),
        ("old TEXT NOT NULL", "0003_color", "cannot write rows of notes_note while the column old is there, which is not null"),
    ],
)
def test_the_check_finds_a_plugin_that_would_not_work_between_the_halves(
    site: Any, file: Path, old: str, name: str, problem: str
) -> None:
    site.bundle("notes", RECORD, files={**_halves(old), f"migrations/{name}.py": COLORED})
    result = run(site, file, "check")
    assert isinstance(result.exception, StartupError)
    assert problem in result.exception.problems[0]


def test_the_check_finds_a_migration_whose_name_has_no_number(site: Any, file: Path) -> None:
    site.bundle("notes", RECORD, files={**_halves("old TEXT"), "migrations/color.py": COLORED, "migrations/frozen.py": "x = 1"})
    result = run(site, file, "check")
    assert isinstance(result.exception, StartupError)
    assert result.exception.problems == ("migration notes/color would never run; name it NNNN_what.py, as in 0003_color.py",)


def test_the_check_finds_what_the_first_half_may_not_do(site: Any, file: Path) -> None:
    files = _halves("old TEXT") | {
        "migrations/0003_color.py": COLORED.replace("ADD COLUMN color TEXT", "RENAME COLUMN old TO color")
    }
    site.bundle("notes", RECORD, files=files)
    result = run(site, file, "check")
    assert isinstance(result.exception, StartupError)
    assert result.exception.problems[0].startswith(
        "migration notes/0003_color runs while older code works, and would break that by: ALTER"
    )


def _halves(old: str) -> dict[str, str]:
    return {name: text.replace("{old}", old) for name, text in HALVES.items()}


def test_the_check_tells_of_a_migration_that_fails(site: Any, file: Path) -> None:
    site.bundle(
        "notes", RECORD, files={"migrations/0001_initial.py": "def up(migrator, db):\n    1 / 0\ndef down(migrator, db): ..."}
    )
    result = run(site, file, "check")
    assert isinstance(result.exception, StartupError)
    assert result.exception.problems[0].startswith(
        "a migration of notes failed (ZeroDivisionError: division by zero; 0001_initial.py:2)"
    )


def test_plugins_are_switched_in_the_settings_file(site: Any, file: Path) -> None:
    site.drop("notes")
    assert run(site, file, "enable", "notes").output == f"notes: on from the next start (written to {file}).\n"
    assert file.read_text().startswith("# mine\n")
    assert tomllib.loads(file.read_text())["plugins"] == {"enabled": ["notes"]}
    assert run(site, file, "enable", "notes").output == "notes: on already.\n"
    assert run(site, file, "disable", "notes").output.startswith("notes: off from the next start")
    assert tomllib.loads(file.read_text())["plugins"] == {"enabled": []}


BRINGS = "from aasim_core import Event\n@hookimpl\ndef events(app): return [Event('notes.made', 'A note was made.', 'note')]\n"


def test_a_plugin_is_described(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES)
    lines = [line.split() for line in run(site, file, "describe", "notes").output.splitlines()]
    assert ["state", "on"] in lines
    assert ["notes:read", "See", "notes."] in lines


def test_a_plugin_is_described_as_json(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES)
    told = json.loads(run(site, file, "describe", "notes", "--json").output)
    assert told["permissions"] == [{"id": "notes:read", "summary": "See notes.", "dangerous": False, "roles": []}]


def test_a_broken_plugin_is_described_with_its_reason(site: Any, file: Path) -> None:
    site.bundle("notes", DECLARES.replace("notes:read", "note:read"))
    assert "It declares the permission note:read" in run(site, file, "describe", "notes").output


@pytest.mark.parametrize("command", ["describe", "events"])
def test_a_plugin_that_was_not_found_is_told_with_the_nearest(site: Any, file: Path, command: str) -> None:
    site.bundle("notes", DECLARES)
    error = run(site, file, command, "nodes").exception
    assert isinstance(error, InvalidArgument)
    assert str(error).endswith('Did you mean "notes"?')


def test_the_events_of_one_plugin_or_of_all_are_shown(site: Any, file: Path) -> None:
    site.bundle("notes", BRINGS)
    names = [line.split()[0] for line in run(site, file, "events", "notes").output.splitlines()]
    assert names == ["event", "notes.made"]
    assert "core.plugin_switched" in run(site, file, "events").output


def test_the_events_as_json_are_those_of_the_command_events(site: Any, file: Path) -> None:
    site.bundle("notes", BRINGS)
    (told,) = json.loads(run(site, file, "events", "notes", "--json").output)
    assert (told["name"], told["data_schema"]["type"]) == ("notes.made", ["object", "null"])
