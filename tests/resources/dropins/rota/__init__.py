"""A rota whose shifts are named by swaps, and have notes under them."""

from aasim_core import Collection, Event, Permission, Plugin, hookimpl
from aasim_core.lists.query import ListQuery
from aasim_core.resources.collection import Parent
from aasim_core.schemas.fields import Id, Instant, Integer, ListOf, Text
from aasim_core.schemas.schema import Schema

from .models import Note, Shift, Swap

plugin = Plugin("Rota", "Shifts, their notes, and the swaps that name them.")


class ShiftIn(Schema):
    """A shift or a note as a client writes it."""

    name = Text(1, 120, required=True)


class SwapIn(Schema):
    """A swap as a client writes it."""

    given_id = Id("rota_shift", required=True)
    taken_ids = ListOf(Id("rota_shift"), 9, load_default=list)


class Out(Schema):
    """What every answer has."""

    organization_id = Id("organization", required=True)
    version = Integer(required=True)
    created_at = Instant(required=True)
    updated_at = Instant(required=True)


class ShiftOut(Out):
    """A shift as a client gets it."""

    id = Id("rota_shift", required=True)
    name = Text(required=True)


class SwapOut(Out):
    """A swap as a client gets it."""

    id = Id("rota_swap", required=True)
    given_id = Id("rota_shift", required=True)
    taken_ids = ListOf(Id("rota_shift"), 9, required=True)


class NoteOut(Out):
    """A note as a client gets it."""

    id = Id("rota_note", required=True)
    shift_id = Id("rota_shift", required=True)
    name = Text(required=True)


class Shifts(Collection):
    """Shifts."""

    record, events, noun, unique = Shift, "rota", "shifts", ()
    paths = {"": "/rota/shifts", "one": "/rota/shifts/{shift_id}"}
    body, reply, query = ShiftIn(), ShiftOut(), ListQuery(ShiftOut(), sorts=("created_at",))


class Swaps(Collection):
    """Swaps."""

    record, events, event_prefix, noun = Swap, "rota", "swap_", "swaps"
    paths = {"": "/rota/swaps", "one": "/rota/swaps/{swap_id}"}
    body, reply, query = SwapIn(), SwapOut(), ListQuery(SwapOut(), sorts=("created_at",))


class Notes(Collection):
    """Notes of a shift."""

    record, events, event_prefix, noun = Note, "rota", "note_", "notes"
    parent = Parent(Shifts, "shift_id")
    paths = {"": "/rota/shifts/{shift_id}/notes", "one": "/rota/shifts/{shift_id}/notes/{note_id}"}
    body, reply, query = ShiftIn(), NoteOut(), ListQuery(NoteOut(), sorts=("created_at",))


@hookimpl
def models(app):
    return [Shift, Swap, Note]


@hookimpl
def permissions(app):
    return [Permission(f"rota:{verb}", f"May {verb}") for verb in ("read", "create", "update", "delete")]


@hookimpl
def events(app):
    kinds = (("", "rota_shift"), ("swap_", "rota_swap"), ("note_", "rota_note"))
    verbs = ("created", "updated", "deleted")
    return [Event(f"rota.{prefix}{verb}", f"It was {verb}", subject) for prefix, subject in kinds for verb in verbs]


@hookimpl
def routes(app):
    return [Shifts(app), Swaps(app), Notes(app)]
