"""Restart a chain, after an operator has investigated what happened to the old one."""

from typing import TYPE_CHECKING

from ...jobs.queue import enqueue
from ..log import Subject, emit
from . import anchors
from .anchors import Link
from .entries import hash_at, last_sequence
from .sealing import NAME as SEALING

if TYPE_CHECKING:
    from ...data.database import Database
    from ...secrets import Keyring

RESTARTED = "core.event_chain_restarted"


def restart(database: "Database", keyring: "Keyring", organization_id: str) -> int:
    """Restart the chain after its last event, whatever is wrong with earlier ones; returns that event's sequence.

    Events before the new beginning are no longer vouched for; the restart itself is an event of the organization. A job seals the events
    since the old chain was found broken.
    """
    with database.transaction():
        database.lock(f"event chain {organization_id}")
        head = anchors.link_of(anchors.head_of(organization_id))
        last = max(head.sequence, last_sequence(organization_id))
        link = Link(last, hash_at(organization_id, last) or head.hash)
        anchors.forget_all(organization_id)
        for kind in (anchors.START, anchors.SEAL) if last else ():
            anchors.write(keyring, organization_id, kind, link)
        about = Subject("organization", organization_id, organization_id)
        emit(RESTARTED, about, organization_id=organization_id, data={"after": last})
        enqueue(SEALING, {"whole": True})
        return last
