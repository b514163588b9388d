"""Values come back as they went in, and are text of the same form, on SQLite and PostgreSQL."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from aasim_core.clock import now
from aasim_core.data.backends.connect import bind
from aasim_core.data.database import Database
from aasim_core.data.fields import IdField, InstantField, JsonField, SealedField
from aasim_core.data.records import Record, create, find
from aasim_core.ids import is_id
from aasim_core.secrets import Place


class Note(Record):
    at = InstantField(null=True)
    data = JsonField(null=True)
    other = IdField(null=True)

    class Meta:
        table_name = "attack_note"
        id_prefix = "note"


@pytest.fixture
def notes(empty_database: Database) -> Database:
    """A database with the table of notes."""
    bind(empty_database, [Note])
    empty_database.create_tables([Note])
    return empty_database


def stored(database: Database, column: str) -> Any:
    """What the database itself holds in that column of its last row."""
    return database.execute_sql(f"SELECT {column} FROM attack_note ORDER BY id DESC LIMIT 1").fetchone()[0]  # noqa: S608


def test_a_moment_is_kept_as_utc_text_of_fixed_width(notes: Database) -> None:
    moment = datetime(2026, 3, 4, 5, 6, 7, 8999, tzinfo=timezone(timedelta(hours=2)))
    note = create(Note, at=moment)
    assert stored(notes, "at") == "2026-03-04T03:06:07.008Z"
    assert find(Note, note.id).at == datetime(2026, 3, 4, 3, 6, 7, 8000, tzinfo=UTC)


def test_a_moment_without_an_offset_is_refused(notes: Database) -> None:
    with pytest.raises(ValueError, match="offset"):
        create(Note, at=datetime(2026, 3, 4))  # noqa: DTZ001
    with pytest.raises(ValueError, match="offset"):
        list(Note.select().where(Note.at > "2026-03-04T05:06:07"))


def test_a_moment_as_text_is_brought_into_the_one_form(notes: Database) -> None:
    create(Note, at="2026-03-04T05:06:07+02:00")
    assert stored(notes, "at") == "2026-03-04T03:06:07.000Z"
    assert Note.select().where(Note.at == "2026-03-04T03:06:07Z").count() == 1


def test_a_moment_may_be_taken_away(notes: Database) -> None:
    note = create(Note, at=now())
    Note.update(at=None).execute()
    assert (stored(notes, "at"), find(Note, note.id).at) == (None, None)


def test_moments_sort_and_compare_as_time_does(notes: Database) -> None:
    first = now()
    moments = [first + timedelta(milliseconds=step) for step in (1, 10, 100, 1000, 10_000_000)]
    for moment in reversed(moments):
        create(Note, at=moment)
    assert [note.at for note in Note.select().order_by(Note.at)] == moments
    assert Note.select().where(Note.at.between(moments[1], moments[3])).count() == 3


def test_a_record_gets_an_id_a_version_and_its_times(notes: Database) -> None:
    note = find(Note, create(Note).id)
    assert is_id(note.id, "note")
    assert note.version == 1
    assert note.created_at.tzinfo is UTC
    assert (note.at, note.data, note.other) == (None, None, None)


texts = some.text(some.characters(exclude_categories=["Cs"]))
numbers = some.integers(-(2**63), 2**63 - 1) | some.floats(allow_nan=False, allow_infinity=False)
values = some.recursive(
    some.none() | some.booleans() | numbers | texts,
    lambda inner: some.lists(inner, max_size=3) | some.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(value=values)
def test_json_comes_back_as_it_went_in(value: Any, notes: Database) -> None:
    note = create(Note, data=[value])
    assert find(Note, note.id).data == [value]
    assert Note.get_by_id(note.id).data == [value]


def test_json_is_compact_text(notes: Database) -> None:
    create(Note, data={"b": [1, None, True], "a": "ü\x00", "at": datetime(2026, 1, 2, tzinfo=UTC)})
    assert stored(notes, "data") == '{"b":[1,null,true],"a":"ü\\u0000","at":"2026-01-02T00:00:00.000Z"}'


@pytest.mark.parametrize(
    "value", [object(), {1: 2}, 2**64, "\ud800", {"x": {1, object()}}], ids=lambda value: type(value).__name__
)
def test_what_is_not_json_is_refused(value: Any, notes: Database) -> None:
    with pytest.raises(TypeError):
        create(Note, data=value)


def test_a_whole_number_has_64_bits(notes: Database) -> None:
    note = create(Note, version=2**63 - 1)
    assert find(Note, note.id).version == 2**63 - 1


def test_a_broken_constraint_is_the_same_error(notes: Database) -> None:
    note = create(Note)
    with pytest.raises(peewee.IntegrityError):
        create(Note, id=note.id)


def test_a_sealed_value_belongs_to_its_table_column_organization_and_row() -> None:
    class Vault(Record):
        secret = SealedField()

        class Meta:
            table_name = "attack_vault"

    field: Any = Vault.secret
    assert field.place("vault_1", "organization_1") == Place("attack_vault", "secret", "organization_1", "vault_1")
