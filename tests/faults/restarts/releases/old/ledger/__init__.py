"""Entries of a ledger, each of which is booked once: the version before."""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from aasim_core import App, Collection, Event, Job, Listener, Permission, Plugin, Record, Request, Resource, enqueue, hookimpl
from aasim_core.data.records import database_of
from aasim_core.events.records import EventRow
from aasim_core.jobs import JobContext
from aasim_core.lists.query import ListQuery
from aasim_core.schemas.fields import Id, Instant, Integer, Text
from aasim_core.schemas.schema import Schema

from .models import Entry

plugin = Plugin("Ledger", "Entries of a ledger.")


class EntryIn(Schema):
    """An entry as a client writes it."""

    name = Text(1, 120, required=True)
    text = Text(max_length=200, required=True)


class EntryOut(Schema):
    """An entry as a client gets it."""

    id = Id("ledger_entry", required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)
    name = Text(required=True)
    note = Text(allow_none=True, required=True)


class Entries(Collection):
    """Entries."""

    record = Entry
    events = "ledger"
    paths: ClassVar[Mapping[str, str]] = {"": "/ledger", "one": "/ledger/{entry_id}"}
    body = EntryIn()
    reply = EntryOut()
    unique = ("name",)
    query = ListQuery(EntryOut(), sorts=("created_at", "name"))

    def check(self, req: Request, values: dict[str, Any], record: Any = None) -> dict[str, Any]:
        """The text is the entry's note."""
        return {"note" if name == "text" else name: value for name, value in values.items()}


@hookimpl
def models(app: App) -> Sequence[type[Record]]:
    """The entry."""
    return (Entry,)


@hookimpl
def permissions(app: App) -> Sequence[Permission]:
    """What roles can allow about entries."""
    return tuple(Permission(f"ledger:{verb}", f"{verb.title()} entries") for verb in ("read", "create", "update", "delete"))


@hookimpl
def events(app: App) -> Sequence[Event]:
    """What happens to entries."""
    return tuple(Event(f"ledger.{what}", f"An entry was {what}", "ledger_entry") for what in ("created", "updated", "deleted"))


@hookimpl
def routes(app: App) -> Sequence[Resource]:
    """The endpoints under /ledger."""
    return (Entries(app),)


@hookimpl
def listeners(app: App) -> Sequence[Listener]:
    """Every entry is booked."""
    return (Listener("ledger.created", book_later),)


def book_later(event: EventRow) -> None:
    """Have the entry booked."""
    enqueue("ledger.book", {"entry_id": event.subject_id})


@hookimpl
def jobs(app: App) -> Sequence[Job]:
    """Booking."""
    return (Job("ledger.book", book),)


def book(context: JobContext, payload: Mapping[str, Any]) -> None:
    """Count that the entry was booked, in the transaction that ends the job."""
    with database_of(Entry).transaction():
        Entry.update(booked=Entry.booked + 1).where(Entry.id == payload["entry_id"]).execute()
        context.complete()
