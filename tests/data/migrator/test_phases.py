"""Migrations in two halves: what each may do, and in which order they run."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from aasim_core.data.database import Database
from aasim_core.data.migrator.phases import BEFORE_START, OFFLINE, POST, PRE, number_of, owner_of, phase_of
from aasim_core.data.migrator.runner import Source, migrate, narrowed, pending, purge, refuse_pending
from aasim_core.errors import StartupError

#: Writes a migration of `shop`: its name and its statements; returns the source.
Write = Callable[..., Source]
FIRST_HALF = frozenset({PRE})
#: What a migration of the first half must not send, and what the error says to write instead.
BREAKING = {
    "DROP TABLE shop_order": "leave it there, and drop it",
    "DROP TABLE IF EXISTS shop_order": "leave it there, and drop it",
    "DROP INDEX shop_order_id": "leave it there, and drop it",
    "ALTER TABLE shop_order DROP COLUMN color": "leave it there, and drop it",
    'alter table "shop_order" drop "color"': "leave it there, and drop it",
    "ALTER TABLE shop_order RENAME COLUMN color TO colour": "add a column or table of the new name",
    "ALTER TABLE shop_order RENAME TO shop_purchase": "add a column or table of the new name",
    "ALTER TABLE shop_order ADD COLUMN size TEXT NOT NULL": "give the column a DEFAULT",
    "ALTER TABLE shop_order ADD size TEXT NOT NULL": "give the column a DEFAULT",
    "CREATE UNIQUE INDEX shop_order_color ON shop_order (color)": "make it unique over a column that this migration adds",
    "SELECT 1; /* not much */ DROP /* here */ TABLE shop_order": "leave it there, and drop it",
}
BREAKING_ON_POSTGRESQL = {
    "ALTER TABLE shop_order ALTER COLUMN color SET NOT NULL": "when all code that writes rows keeps to it",
    "ALTER TABLE shop_order ALTER COLUMN color TYPE BIGINT USING 1": "add a column of the new type",
    "ALTER TABLE shop_order ALTER color SET DATA TYPE VARCHAR(9)": "add a column of the new type",
    "ALTER TABLE shop_order ALTER COLUMN kind DROP DEFAULT": "give the column a DEFAULT",
    "ALTER TABLE shop_order ADD CONSTRAINT red CHECK (color = 'red')": "when all code that writes rows keeps to it",
    "ALTER TABLE shop_order ADD UNIQUE (color)": "when all code that writes rows keeps to it",
    "ALTER TABLE shop_order ADD COLUMN a TEXT, DROP COLUMN color": "leave it there, and drop it",
    "ALTER INDEX shop_order_id RENAME TO shop_id": "add a column or table of the new name",
    "TRUNCATE shop_order": "leave it there, and drop it",
    "DO $$ BEGIN DROP TABLE shop_order; END $$": "write its statements one by one",
}
HARMLESS = (
    ("ALTER TABLE shop_order ADD COLUMN size TEXT",),
    ("ALTER TABLE shop_order ADD COLUMN size TEXT NOT NULL DEFAULT 'DROP TABLE shop_order; --'",),
    ("CREATE INDEX shop_order_color ON shop_order (color)",),
    ("CREATE TABLE shop_bill (id TEXT NOT NULL)", "ALTER TABLE shop_bill RENAME COLUMN id TO number", "DROP TABLE shop_bill"),
    ("CREATE TABLE shop_bill (id TEXT)", "CREATE UNIQUE INDEX shop_bill_id ON shop_bill (id)", "DROP INDEX shop_bill_id"),
    ("ALTER TABLE shop_order ADD COLUMN number TEXT", "CREATE UNIQUE INDEX shop_number ON shop_order (color, number)"),
    ("UPDATE shop_order SET color = 'RENAME TO' -- DROP TABLE shop_order",),
)
HARMLESS_ON_POSTGRESQL = (
    ("ALTER TABLE shop_order ALTER COLUMN kind DROP NOT NULL",),
    ("ALTER TABLE shop_order ALTER COLUMN color SET DEFAULT 'red'",),
    ("ALTER TABLE shop_order ADD COLUMN n BIGINT GENERATED ALWAYS AS IDENTITY NOT NULL",),
)


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """A writer of migrations of `shop`."""

    def write(name: str, *up: str, down: str = "SELECT 1") -> Source:
        body = "".join(f"    db.execute_sql({sql!r})\n" for sql in up)
        (tmp_path / f"{name}.py").write_text(
            f"def up(migrator, db):\n{body}\n\ndef down(migrator, db):\n    db.execute_sql({down!r})\n"
        )
        return Source("shop", tmp_path)

    return write


@pytest.fixture
def shop(write: Write, empty_database: Database) -> Source:
    """A table that code of the version before uses."""
    table = "CREATE TABLE shop_order (id TEXT NOT NULL PRIMARY KEY, color TEXT, kind TEXT NOT NULL DEFAULT 'web')"
    source = write("0001_orders", table, "CREATE INDEX shop_order_id ON shop_order (id)", down="DROP TABLE shop_order")
    migrate(empty_database, [source])
    return source


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM store_bill",
        "DROP TABLE IF EXISTS store_bill",
        'UPDATE "store_bill" SET id = 1',
        "ALTER TABLE store_bill ADD COLUMN size TEXT",
        "INSERT OR IGNORE INTO store_bill (id) SELECT id FROM shop_order",
        "WITH old AS (SELECT id FROM shop_order) DELETE FROM store_bill WHERE id IN (SELECT id FROM old)",
        "CREATE INDEX shop_of_store ON store_bill (id)",
        "CREATE TABLE bill (id TEXT)",
    ],
)
@pytest.mark.parametrize("half", ["0002_change", "0002_change.post"])
def test_a_migration_changes_only_tables_of_its_own_plugin(
    empty_database: Database, shop: Source, write: Write, statement: str, half: str
) -> None:
    write(half, statement)
    with pytest.raises(
        StartupError, match=rf"migration shop/{half} changes (store_)?bill, and the tables of shop begin with shop_"
    ):
        migrate(empty_database, [shop])


@pytest.mark.parametrize(
    "statement",
    [
        "INSERT INTO shop_order (id, color) SELECT 'a', 'b' WHERE 1 = 1 ON CONFLICT (id) DO UPDATE SET color = 'c'",
        "CREATE TABLE shop_line (id TEXT REFERENCES shop_order (id) ON UPDATE CASCADE ON DELETE CASCADE)",
        "UPDATE shop_order SET color = 'DELETE FROM store_bill'",
    ],
)
def test_a_migration_may_say_all_that_leaves_other_tables_alone(
    empty_database: Database, shop: Source, write: Write, statement: str
) -> None:
    write("0002_change", statement)
    assert migrate(empty_database, [shop]) == ["shop/0002_change"]


@pytest.mark.parametrize(("statement", "advice"), BREAKING.items())
def test_the_first_half_refuses_what_breaks_running_code(
    empty_database: Database, shop: Source, write: Write, statement: str, advice: str
) -> None:
    before = empty_database.get_columns("shop_order")
    write("0002_change", statement)
    with pytest.raises(
        StartupError, match=r"migration shop/0002_change runs while older code works, .*: [A-Za-z]+ .*; "
    ) as refused:
        migrate(empty_database, [shop])
    assert advice in str(refused.value)
    assert empty_database.get_columns("shop_order") == before
    assert pending(empty_database, [shop]) == ["shop/0002_change"]


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize(("statement", "advice"), BREAKING_ON_POSTGRESQL.items())
def test_the_first_half_refuses_what_only_postgresql_can_do(
    empty_database: Database, shop: Source, write: Write, statement: str, advice: str
) -> None:
    write("0002_change", statement)
    with pytest.raises(StartupError, match="migration shop/0002_change runs while older code works") as refused:
        migrate(empty_database, [shop])
    assert advice in str(refused.value)


@pytest.mark.parametrize("statements", HARMLESS)
def test_the_first_half_does_what_running_code_does_not_notice(
    empty_database: Database, shop: Source, write: Write, statements: tuple[str, ...]
) -> None:
    write("0002_change", *statements)
    assert migrate(empty_database, [shop]) == ["shop/0002_change"]


@pytest.mark.postgres
@pytest.mark.parametrize("databases", ["postgresql"], indirect=True)
@pytest.mark.parametrize("statements", HARMLESS_ON_POSTGRESQL)
def test_the_first_half_does_what_only_postgresql_can_do(
    empty_database: Database, shop: Source, write: Write, statements: tuple[str, ...]
) -> None:
    write("0002_change", *statements)
    assert migrate(empty_database, [shop]) == ["shop/0002_change"]


def test_what_the_helpers_of_peewee_send_is_judged(empty_database: Database, shop: Source) -> None:
    (shop.folder / "0002_size.py").write_text(
        "from peewee import TextField\n\n\ndef up(migrator, db):\n"
        "    migrator.migrate(migrator.add_column('shop_order', 'size', TextField(default='M')))\n"
    )
    with pytest.raises(StartupError, match="migration shop/0002_size runs while older code works"):
        migrate(empty_database, [shop])
    assert "size" not in {column.name for column in empty_database.get_columns("shop_order")}


@pytest.mark.parametrize("phase", [POST, OFFLINE])
def test_other_phases_may_do_everything(empty_database: Database, shop: Source, write: Write, phase: str) -> None:
    write(f"0002_change.{phase}", "ALTER TABLE shop_order RENAME COLUMN color TO colour", "DROP INDEX shop_order_id")
    assert migrate(empty_database, [shop]) == [f"shop/0002_change.{phase}"]


def test_the_second_half_is_left_until_it_is_asked_for(empty_database: Database, shop: Source, write: Write) -> None:
    write("0002_colors.post", "ALTER TABLE shop_order DROP COLUMN color")
    write("0003_colour", "ALTER TABLE shop_order ADD COLUMN colour TEXT")
    [first_half] = narrowed([shop], FIRST_HALF)
    assert migrate(empty_database, [first_half]) == ["shop/0003_colour"]
    refuse_pending(empty_database, [shop])
    assert pending(empty_database, [shop]) == ["shop/0002_colors.post"]
    assert migrate(empty_database, [shop]) == ["shop/0002_colors.post"]


def test_a_new_installation_gets_both_halves_in_the_order_of_an_upgrade(
    empty_database: Database, shop: Source, write: Write
) -> None:
    purge(empty_database, shop)
    for name in ("0002_b.post", "0003_c", "0004_d.offline", "0005_e.post", "0006_f"):
        write(name, "SELECT 1")
    applied = migrate(empty_database, [shop])
    assert applied == [f"shop/{n}" for n in ("0001_orders", "0003_c", "0002_b.post", "0004_d.offline", "0006_f", "0005_e.post")]
    assert purge(empty_database, shop) == applied[::-1]


def test_code_does_not_start_before_what_is_done_offline(empty_database: Database, shop: Source, write: Write) -> None:
    write("0002_colour.offline", "ALTER TABLE shop_order RENAME COLUMN color TO colour")
    assert pending(empty_database, narrowed([shop], BEFORE_START)) == ["shop/0002_colour.offline"]
    with pytest.raises(StartupError, match=r"lacks 1 migrations \(shop/0002_colour.offline\); .*--offline"):
        refuse_pending(empty_database, [shop])


def test_an_unknown_phase_is_named(empty_database: Database, shop: Source, write: Write) -> None:
    write("0002_colour.later", "SELECT 1")
    with pytest.raises(StartupError, match=r"unknown phase 'later'; name it shop/0002_colour\.py, shop/0002_colour\.post\.py or"):
        migrate(empty_database, [replace(shop)])


def test_migrations_from_before_the_phases_are_done_offline_where_they_do_more_than_add() -> None:
    assert [phase_of(f"core/{name}") for name in ("0007_idempotency_claims", "0008_api_keys")] == [OFFLINE, PRE]


def test_the_name_of_a_migration_says_whose_and_which_it_is() -> None:
    assert (owner_of("notes/0003_color.post"), number_of("notes/0003_color.post")) == ("notes", 3)
