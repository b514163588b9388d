"""Signed anchors of the event chains: up to which event an organization's log is sealed, and where its chain begins.

The hashes need no key, so an attacker who can write to the database could reseal changed events. An anchor needs one: it holds the hash of
one event, encrypted with the key ring for its own row, and is re-encrypted when keys are rotated.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import peewee

from ...clock import now
from ...data.fields import IdField, InstantField, SealedField
from ...data.records import Row, insert_rows
from ...ids import new_id
from ...secrets import Keyring, Secret, Unreadable
from ...text.json import to_json

#: The last event before the chain begins: it and all earlier ones are pruned or no longer vouched for.
START = "start"
#: The event was sealed by this installation.
SEAL = "seal"
#: Contents of the event were erased and its hash covers them; the anchor holds the hash over their digests instead.
ERASED = "erased"
#: Distance in events between permanent anchors: they locate a forgery where nothing else does.
EVERY = 1000


class EventAnchor(Row):
    """The encrypted sequence and hash of one event."""

    id = IdField(primary_key=True)
    organization_id = IdField()
    kind = peewee.TextField()
    sequence = peewee.BigIntegerField()
    hash = peewee.TextField()
    at = InstantField()
    seal = SealedField()

    class Meta:
        table_name = "core_event_anchor"
        id_prefix = "anchor"
        indexes = ((("organization_id", "kind", "sequence"), True),)


@dataclass(frozen=True)
class Link:
    """A position in a chain: an event's sequence and hash, None before the first event.

    An `anchored` one is known to be unchanged since it was sealed. The hash is `unknown` where the event no longer exists.
    """

    sequence: int
    hash: str | None
    anchored: bool = False
    unknown: bool = False


BEGINNING = Link(0, None, anchored=True)


def chained_organizations() -> list[str]:
    """Return the organizations that have a chain. Needs a system scope."""
    query: Any = EventAnchor.select(EventAnchor.organization_id).distinct().order_by(EventAnchor.organization_id)
    return [organization_id for (organization_id,) in query.tuples()]


def start_of(organization_id: str) -> EventAnchor | None:
    """Return where the organization's chain begins, unless it begins with its first event."""
    return _newest(organization_id, START)


def head_of(organization_id: str) -> EventAnchor | None:
    """Return the anchor of the last sealed event."""
    return _newest(organization_id, SEAL)


def between(organization_id: str, after: int, until: int, kind: str = SEAL) -> Sequence[EventAnchor]:
    """Return the anchors of one kind after one sequence and up to another, in order."""
    here = (EventAnchor.organization_id == organization_id) & (EventAnchor.kind == kind)
    within = here & (EventAnchor.sequence > after) & (EventAnchor.sequence <= until)
    return list(EventAnchor.select().where(within).order_by(EventAnchor.sequence))


def link_of(anchor: EventAnchor | None) -> Link:
    """Return the position that an anchor stands for; without one, the beginning."""
    return BEGINNING if anchor is None else Link(anchor.sequence, anchor.hash, anchored=True)


def is_genuine(keyring: Keyring, anchor: EventAnchor) -> bool:
    """Return whether this installation made the anchor and it is unchanged."""
    try:
        content = keyring.open(anchor.seal, _place(anchor.id, anchor.organization_id))
    except Unreadable:
        return False
    return content == Secret(_content(anchor.kind, link_of(anchor)))


def write(keyring: Keyring, organization_id: str, kind: str, link: Link) -> None:
    """Write an anchor. Needs a transaction."""
    anchor_id = new_id("anchor")
    seal = keyring.seal(Secret(_content(kind, link)), _place(anchor_id, organization_id))
    row = EventAnchor(
        id=anchor_id, organization_id=organization_id, kind=kind, sequence=link.sequence, hash=link.hash, at=now(), seal=seal
    )  # fmt: skip
    insert_rows(EventAnchor, [row.row()])


def move_head(keyring: Keyring, organization_id: str, head: EventAnchor | None, link: Link) -> None:
    """Move the chain's end to `link`, and keep the previous end only once every `EVERY` events. Needs a transaction."""
    if head is not None and head.sequence // EVERY == link.sequence // EVERY:
        EventAnchor.delete().where(EventAnchor.id == head.id).execute()
    write(keyring, organization_id, SEAL, link)


def move_start(keyring: Keyring, organization_id: str, link: Link) -> None:
    """Move the chain's beginning behind `link`, and delete the anchors before that except the last. Needs a transaction."""
    head = head_of(organization_id)
    past = (EventAnchor.kind == START) | ((EventAnchor.sequence <= link.sequence) & (EventAnchor.id != (head.id if head else "")))
    EventAnchor.delete().where(EventAnchor.organization_id == organization_id, past).execute()
    write(keyring, organization_id, START, link)


def forget_all(organization_id: str) -> None:
    """Delete every anchor of the organization. Needs a transaction."""
    EventAnchor.delete().where(EventAnchor.organization_id == organization_id).execute()


def _newest(organization_id: str, kind: str) -> EventAnchor | None:
    query: Any = EventAnchor.select().where(EventAnchor.organization_id == organization_id, EventAnchor.kind == kind)
    found: EventAnchor | None = query.order_by(EventAnchor.sequence.desc()).first()
    return found


def _content(kind: str, link: Link) -> str:
    return to_json([kind, link.sequence, link.hash]).decode()


def _place(anchor_id: str, organization_id: str) -> Any:
    field: Any = EventAnchor.seal
    return field.place(anchor_id, organization_id)
