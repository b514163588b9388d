"""What the resources that serve records must keep: whose rows they show, their columns, and the events that they emit."""

from typing import Any

import peewee
import pytest

from aasim_core import Collection, Event, Record, TenantRecord
from aasim_core.collecting.resource_rules import resource_flaws
from aasim_core.lists.query import ListQuery
from aasim_core.plugins import Declarations
from aasim_core.schemas.fields import Text
from aasim_core.schemas.schema import Schema
from aasim_core.tenancy.records import User


class Shared(Record):
    """A record that lacks an organization."""

    class Meta:
        table_name = "notes_shared"
        id_prefix = "notes_shared"


class Common(Record):
    """One that all organizations are meant to see."""

    class Meta:
        table_name = "notes_common"
        id_prefix = "notes_common"
        common = True


class Note(TenantRecord):
    """A record of an organization."""

    title = peewee.TextField()

    class Meta:
        table_name = "notes_note"
        id_prefix = "notes_note"


class NoteOut(Schema):
    """A note as a client gets it."""

    id = Text(required=True)
    title = Text(required=True)


class Notes(Collection):
    """Notes, with the five verbs."""

    record = Note
    events = "notes"
    paths = {"": "/notes", "one": "/notes/{note_id}"}
    body = NoteOut()


def flaws(*routes: Any, events: tuple[str, ...] = ()) -> list[str]:
    """What is wrong with a plugin that has these resources, and declares these events."""
    return list(resource_flaws(Declarations(routes=routes, events=tuple(Event(name, "For a test.") for name in events))))


def over(record: Any, **attributes: Any) -> Collection:
    """A read-only collection over the record."""
    kind: Any = type("Things", (Collection,), {"record": record, "events": "notes", "paths": {"": "/notes"}, **attributes})
    made: Collection = kind(None)
    return made


@pytest.mark.parametrize("record", [Shared, User])
def test_a_collection_over_a_record_without_an_organization_is_refused(record: Any) -> None:
    (flaw,) = flaws(over(record))
    assert f"serves {record.__name__} with Things, which shows every organization the same rows" in flaw
    assert "write common = True in Things" in flaw


def test_a_collection_may_say_that_it_is_common() -> None:
    assert flaws(over(Shared, common=True), over(Common)) == []


def test_a_collection_that_finds_and_lists_by_itself_may_serve_any_record() -> None:
    own = dict.fromkeys(("find", "reach"), lambda *_: [])
    assert flaws(over(User, **own)) == []
    assert flaws(over(User, find=own["find"]))


def test_the_events_of_a_collection_are_declared() -> None:
    (created, updated, deleted) = flaws(Notes(None), events=("notes.create",))  # type: ignore[arg-type]
    assert created.startswith(
        'emits the event notes.created in Notes and does not declare it; return Event("notes.created", "…") from the hook events; '
        'did you mean "notes.create"? (collecting/test_resource_rules.py:'
    )
    assert ("notes.updated" in updated, "notes.deleted" in deleted) == (True, True)


def test_a_step_that_is_written_anew_emits_what_it_likes() -> None:
    own: Any = type("Notes", (Notes,), {"create": lambda *_: None, "on_delete_one": None})
    assert flaws(own(None), events=("notes.updated",)) == []


def listing(**query: Any) -> Collection:
    """A collection whose lists can be asked this."""
    return over(Note, reply=NoteOut(), query=ListQuery(NoteOut(), **query))


def test_a_collection_asks_for_columns_that_its_record_has() -> None:
    assert flaws(listing(sorts=("title", "created_at"), filters=("title",), search=("title",))) == []


@pytest.mark.parametrize(
    ("collection", "flaw"),
    [
        (listing(sorts=("titel", "created_at")), 'sorts by titel in Things, which Note does not have; did you mean "title"?'),
        (listing(search=("text",)), "searches text in Things, which Note does not have"),
        (
            over(Note, reply=type("Out", (NoteOut,), {"color": Text()})(), query=ListQuery(NoteOut())),
            "answers with color in Things",
        ),
    ],
)
def test_a_column_that_the_record_does_not_have_is_told(collection: Collection, flaw: str) -> None:
    (found,) = flaws(collection)
    assert found.startswith(flaw)


def test_a_filter_by_a_field_that_the_reply_does_not_have_is_refused_where_it_is_written() -> None:
    with pytest.raises(LookupError, match=r'filtered by titel, which is no field of NoteOut\. Did you mean "title"\?'):
        ListQuery(NoteOut(), filters=("titel",))
