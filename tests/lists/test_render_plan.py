"""A row on a page is shown as in an answer with it alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import orjson
import peewee
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aasim_core.context import organization_scope
from aasim_core.data.backends.connect import bind
from aasim_core.data.database import Database
from aasim_core.data.fields import InstantField, JsonField
from aasim_core.data.migrator import runner as migrations
from aasim_core.data.records import TenantRecord, insert_rows
from aasim_core.lists.paging import Question, read_page
from aasim_core.lists.render_plan import Derived, ObjectOf, Plan
from aasim_core.schemas.fields import Boolean, Id, Instant, Integer, Json, ListOf, Text
from aasim_core.schemas.schema import Schema
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


PLAN = Plan(NoteOut())


@pytest.fixture(scope="session")
def migration_sources() -> Sequence[migrations.Source]:
    return [migrations.Source("core", migrations.CORE), migrations.Source("desk", Path(__file__).parent / "rendering")]


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


def shown(plan: Plan = PLAN) -> list[dict[str, Any]]:
    page = read_page(Note, plan.columns, Question("/notes", 25, ("id",)), [], KEYRING)
    found: list[dict[str, Any]] = orjson.loads(orjson.dumps(plan.items(page.names, page.rows)))
    return found


def alone(note: Note, plan: Plan = PLAN) -> Any:
    return orjson.loads(orjson.dumps(plan.item(note)))


@pytest.mark.long
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(notes=st.lists(NOTES, max_size=3))
def test_a_page_shows_each_row_as_an_answer_with_it_alone(desk: Database, notes: list[dict[str, Any]]) -> None:
    made = put(desk, notes)
    assert shown() == [alone(note) for note in made]


def test_the_fields_stand_in_the_order_of_the_schema(desk: Database) -> None:
    put(desk, [{"title": "A"}])
    assert list(shown()[0]) == list(PLAN.names)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (ObjectOf({"heading": "title", "below": "subtitle"}), {"heading": "A", "below": None}),
        (Derived(("title", "labels"), lambda row: f"{row['title']} {row['labels']}"), 'A ["x"]'),
    ],
)
def test_a_field_that_no_column_holds_is_made_of_others(desk: Database, field: Derived, value: Any) -> None:
    plan = Plan(NoteOut(), {"facts": field})
    [note] = put(desk, [{"title": "A", "labels": ["x"], "facts": 1}])
    assert shown(plan) == [alone(note, plan)] == [{**alone(note), "facts": value}]
