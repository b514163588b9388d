"""What SQLite makes of a row's columns for a page is what an answer with the row alone has."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aasim_core.context import organization_scope
from aasim_core.data import migrations
from aasim_core.data.connect import Database, bind
from aasim_core.data.fields import InstantField, JsonField
from aasim_core.data.packing import MOST_COLUMNS, Packed
from aasim_core.data.records import TenantRecord, insert_rows
from aasim_core.http.fields import Boolean, Id, Instant, Integer, Json, ListOf, Number, Text
from aasim_core.http.paging import Question, read_page
from aasim_core.http.render import Derived, ObjectOf, Plan
from aasim_core.http.schema import Schema
from aasim_core.secrets import Keyring, new_key

KEYRING = Keyring([new_key()])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
NOTES = st.fixed_dictionaries(
    {
        "title": TEXTS,
        "subtitle": st.none() | TEXTS,
        "length": st.none() | st.integers(-(2**63), 2**63 - 1),
        "pinned": st.none() | st.booleans(),
        "labels": st.none() | st.lists(TEXTS, max_size=3),
        "facts": VALUES,
    }
)


class Note(TenantRecord):
    title = peewee.TextField()
    subtitle = peewee.TextField(null=True)
    length = peewee.BigIntegerField(null=True)
    pinned = peewee.BooleanField(null=True)
    labels = JsonField(null=True)
    facts = JsonField(null=True)
    read_at = InstantField(null=True)

    class Meta:
        table_name = "desk_note"
        id_prefix = "note"


class NoteOut(Schema):
    id = Id("note")
    created_at = Instant()
    title = Text()
    subtitle = Text(allow_none=True)
    length = Integer(allow_none=True)
    pinned = Boolean(allow_none=True)
    labels = ListOf(Text())
    facts = Json()
    read_at = Instant(allow_none=True)


class NoteInShort(Schema):
    """Has so many columns of JSON that the database puts the texts together itself."""

    id = Id("note")
    title = Text()
    pinned = Boolean(allow_none=True)
    length = Integer(allow_none=True)
    labels = ListOf(Text())
    facts = Json()


class Scored(Schema):
    id = Id("note")
    length = Number()


PLAN, IN_SHORT = Plan(NoteOut()), Plan(NoteInShort())


@pytest.fixture(scope="session")
def migration_sources() -> Sequence[migrations.Source]:
    return [migrations.Source("core", migrations.CORE), migrations.Source("desk", Path(__file__).parent / "packing")]


@pytest.fixture
def desk(database: Database) -> Iterator[Database]:
    bind(database, [Note])
    with organization_scope("org_a"):
        yield database


def put(database: Database, notes: Sequence[dict[str, Any]]) -> list[Note]:
    made = [Note(**note) for note in notes]
    with database.transaction():
        Note.delete().execute()
        insert_rows(Note, [note.row() for note in made])
    return sorted(made, key=lambda note: str(note.id))


def shown(only: Sequence[str] = (), plan: Plan = PLAN) -> list[dict[str, Any]]:
    page = read_page(Note, plan.page_columns, Question("/notes", 25, ("id",)), [], KEYRING)
    found: list[dict[str, Any]] = orjson.loads(orjson.dumps(plan.items(page.names, page.rows, only)))
    return found


def alone(note: Note, plan: Plan = PLAN) -> Any:
    return orjson.loads(orjson.dumps(plan.item(note)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(notes=st.lists(NOTES, max_size=3))
@pytest.mark.parametrize("plan", [PLAN, IN_SHORT])
def test_a_page_shows_each_row_as_an_answer_with_it_alone(desk: Database, plan: Plan, notes: list[dict[str, Any]]) -> None:
    made = put(desk, notes)
    assert shown(plan=plan) == [alone(note, plan) for note in made]


@pytest.mark.parametrize("plan", [PLAN, IN_SHORT])
def test_the_fields_stand_in_the_order_of_the_schema(desk: Database, plan: Plan) -> None:
    put(desk, [{"title": "A"}])
    assert list(shown(plan=plan)[0]) == list(plan.names)


@pytest.mark.parametrize("schema", [NoteOut, NoteInShort])
def test_an_object_of_columns_is_made_there_too(desk: Database, schema: type[Schema]) -> None:
    plan = Plan(schema(), {"length": ObjectOf({"heading": "title", "below": "subtitle"})})
    [note] = put(desk, [{"title": "A", "labels": ["x"]}])
    assert isinstance(plan.page_columns[0], Packed)
    assert shown(plan=plan) == [{**alone(note, Plan(schema())), "length": {"heading": "A", "below": None}}]


def test_of_a_page_some_fields_can_be_shown(desk: Database) -> None:
    [note] = put(desk, [{"title": "A", "facts": {"b": 0.1}}])
    assert shown(["id", "facts"]) == [{"id": note.id, "facts": {"b": 0.1}}]


def test_a_plan_that_is_made_anew_needs_no_other_statement(desk: Database) -> None:
    shown()
    known = len(desk._statements)
    shown(plan=Plan(NoteOut()))
    assert len(desk._statements) == known


def test_only_what_needs_nothing_of_python_is_packed() -> None:
    derived = Plan(NoteOut(), {"facts": Derived(("title",), lambda row: row["title"].upper())})
    many = Plan(Schema.from_dict({f"field{number}": Text() for number in range(MOST_COLUMNS + 1)})())
    assert isinstance(PLAN.page_columns[0], Packed)
    assert [plan.page_columns for plan in (derived, many, Plan(Scored()))] == [
        derived.columns, many.names, ("id", "length"),
    ]  # fmt: skip
