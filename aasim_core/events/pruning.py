"""Deleting old events from the beginning of a chain, so that what is left can still be verified."""

from datetime import datetime
from itertools import takewhile
from typing import TYPE_CHECKING

from ..clock import to_text
from . import anchors
from .anchors import Link
from .chain import ChainBroken, faults_in, rows_after, scope_of
from .log import EventRow

if TYPE_CHECKING:
    from ..app import App

#: Events that are deleted in one transaction.
AT_ONCE = 500


def prune_some(app: "App", organization_id: str, before: datetime) -> int:
    """Delete some of the sealed events from before that time; returns how many. The last one leaves its hash in an anchor.

    Needs a system scope. ChainBroken when one of them is not as it was sealed: evidence is not deleted.
    """
    with app.database.transaction(durable=False):
        app.database.lock(f"event chain {organization_id}")
        start = anchors.start_of(organization_id)
        if start is not None and not anchors.is_genuine(app.keyring, start):
            raise ChainBroken("the anchor of the chain's beginning is forged, or its key is gone; see: aasim activities verify")
        head = anchors.link_of(anchors.head_of(organization_id))
        link, limit = anchors.link_of(start), to_text(before)
        rows = rows_after(organization_id, link.sequence, head.sequence, AT_ONCE)
        old = list(takewhile(lambda row: row["at"] < limit, rows))
        for fault in faults_in(old, link):
            raise ChainBroken(fault.message)
        if old:
            last = Link(old[-1]["sequence"], old[-1]["hash"])
            anchors.move_start(app.keyring, organization_id, last)
            link = last
        return _delete(organization_id, link.sequence, before)


def _delete(organization_id: str, until: int, before: datetime) -> int:
    here = (EventRow.organization_id == organization_id) & (EventRow.sequence <= until)
    with scope_of(organization_id):
        old = [row.id for row in EventRow.select(EventRow.id).where(here & (EventRow.at < before)).limit(AT_ONCE)]
    return int(EventRow.delete().where(EventRow.id.in_(old)).execute()) if old else 0
