"""Migrations give columns, and members of JSON, other names, and take them back."""

from typing import Any

import peewee
import pytest

from aasim_core.context import system_scope
from aasim_core.data.database import Database
from aasim_core.data.migrator import renaming

_NAMES = {"at": "occurred_at"}


def _things(database: Database, *rows: tuple[str, str | None]) -> Any:
    database.execute_sql("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, said TEXT)")
    things: Any = peewee.Table("thing", ("id", "said"), _database=database)
    for row_id, said in rows:
        things.insert(id=row_id, said=said).execute()
    return things


def _said(things: Any) -> list[str | None]:
    return [said for (said,) in things.select(things.said).order_by(things.id).tuples()]


def test_columns_get_other_names_and_their_old_ones_again(empty_database: Database) -> None:
    with system_scope("test a migration"):
        _things(empty_database)
        renaming.rename_columns(empty_database, [("thing", "said", "told")])
        assert {column.name for column in empty_database.get_columns("thing")} == {"id", "told"}
        renaming.restore_columns(empty_database, [("thing", "said", "told")])
        assert {column.name for column in empty_database.get_columns("thing")} == {"id", "said"}


def test_members_get_other_names_and_what_is_within_them_stays(empty_database: Database) -> None:
    with system_scope("test a migration"):
        things = _things(empty_database, ("1", '{"at":1,"edits":{"at":2}}'), ("2", '[{"at":3},4]'), ("3", None), ("4", "[]"))
        renaming.rewrite_json(empty_database, "thing", "said", lambda value: renaming.with_names(value, _NAMES))
        assert _said(things) == ['{"occurred_at":1,"edits":{"at":2}}', '[{"occurred_at":3},4]', None, "[]"]


@pytest.mark.long
def test_every_row_is_reached_however_many_there_are(empty_database: Database) -> None:
    with system_scope("test a migration"):
        things = _things(empty_database, *((f"{number:04}", '{"at":1}') for number in range(1_001)))
        renaming.rewrite_json(empty_database, "thing", "said", lambda value: renaming.with_names(value, _NAMES))
        assert set(_said(things)) == {'{"occurred_at":1}'}


@pytest.mark.long
def test_columns_are_computed_of_others_in_every_row(empty_database: Database) -> None:
    with system_scope("test a migration"):
        things = _things(empty_database, *((f"{number:04}", str(number)) for number in range(1_001)))
        empty_database.execute_sql("ALTER TABLE thing ADD COLUMN doubled INTEGER")
        renaming.rewrite(empty_database, "thing", ["said"], lambda said: {"doubled": 2 * int(said)})
        computed = [doubled for (doubled,) in empty_database.execute_sql("SELECT doubled FROM thing ORDER BY id").fetchall()]
        assert computed == list(range(0, 2_002, 2))
        assert len(_said(things)) == 1_001


def test_what_fails_in_a_later_batch_leaves_the_batches_before(empty_database: Database) -> None:
    def change(said: str) -> dict[str, str]:
        return {"said": said[:1]} if len(said) < 1_000 else {"said": str(1 / 0)}

    with system_scope("test a migration"):
        things = _things(empty_database, *((f"{number:04}", "ab") for number in range(600)), ("9999", "x" * 1_000))
        with pytest.raises(ZeroDivisionError):
            renaming.rewrite(empty_database, "thing", ["said"], change)
        assert _said(things) == ["a"] * 500 + ["ab"] * 100 + ["x" * 1_000]


def test_names_are_turned_back() -> None:
    assert renaming.with_names({"occurred_at": 1}, renaming.inverted(_NAMES)) == {"at": 1}


def test_a_status_takes_the_place_of_a_boolean_and_makes_way_again(empty_database: Database) -> None:
    with system_scope("test a migration"):
        empty_database.execute_sql("CREATE TABLE thing (id TEXT NOT NULL PRIMARY KEY, active BOOLEAN NOT NULL)")
        empty_database.execute_sql("INSERT INTO thing VALUES ('1', TRUE), ('2', FALSE)")
        renaming.status_for(empty_database, "thing", "active")
        found = empty_database.execute_sql("SELECT * FROM thing ORDER BY id").fetchall()
        assert [tuple(row) for row in found] == [("1", "active"), ("2", "disabled")]
        renaming.boolean_for(empty_database, "thing", "active")
        found = empty_database.execute_sql("SELECT id, active FROM thing ORDER BY id").fetchall()
        assert [(row[0], bool(row[1])) for row in found] == [("1", True), ("2", False)]
