"""Prune old events from the beginning of a chain, so that the rest can still be verified."""

from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import peewee

from ...clock import to_text
from ...data import history
from ...data.records import database_of
from ..log import scope_of
from ..records import EventRow
from . import anchors
from .anchors import Link
from .entries import ChainEntry, rows_after
from .faults import ChainBroken, faults_in

if TYPE_CHECKING:
    from ...data.database import Database
    from ...secrets import Keyring

#: Events that are deleted in one transaction.
AT_ONCE = 500


def prune_some(database: "Database", keyring: "Keyring", organization_id: str, before: datetime) -> int:
    """Delete some of the sealed events from before that time; returns how many. The last one leaves its hash in an anchor.

    Needs a system scope. ChainBroken when one of them differs from what was sealed: evidence is not deleted.
    """
    with database.transaction(durable=False):
        database.lock(f"event chain {organization_id}")
        start = anchors.start_of(organization_id)
        if start is not None and not anchors.is_genuine(keyring, start):
            raise ChainBroken("the anchor of the chain's beginning is forged, or its key is gone; see: aasim activities verify")
        head = anchors.link_of(anchors.head_of(organization_id))
        link, limit = anchors.link_of(start), to_text(before)
        rows = rows_after(organization_id, link.sequence, head.sequence, AT_ONCE)
        old = list(takewhile(lambda row: row["at"] < limit, rows))
        for fault in faults_in(keyring, old, link):
            raise ChainBroken(fault.message)
        if old:
            last = Link(old[-1]["sequence"], old[-1]["hash"])
            anchors.move_start(keyring, organization_id, last)
            link = last
        return _delete(organization_id, link.sequence, before)


def _delete(organization_id: str, until: int, before: datetime) -> int:
    """Delete events with their entries, and entries whose event was already missing when the chain was restarted."""
    old = _old_ids(organization_id, until, before)
    if not old:
        return 0
    history.allow_deletion(database_of(EventRow))
    ChainEntry.delete().where(ChainEntry.event_id.in_(old)).execute()
    EventRow.delete().where(EventRow.id.in_(old)).execute()
    return len(old)


def _old_ids(organization_id: str, until: int, before: datetime) -> list[str]:
    query: Any = ChainEntry.select(ChainEntry.event_id)
    query = query.join_from(ChainEntry, EventRow, peewee.JOIN.LEFT_OUTER, on=EventRow.id == ChainEntry.event_id)
    here = (ChainEntry.organization_id == organization_id) & (ChainEntry.sequence <= until)
    query = query.where(here, EventRow.id.is_null() | (EventRow.at < before)).order_by(ChainEntry.sequence)
    with scope_of(organization_id):
        return [event_id for (event_id,) in query.limit(AT_ONCE).tuples()]
