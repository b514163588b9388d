"""Beginning a chain anew, for an operator who has found out what happened to the old one."""

from typing import TYPE_CHECKING

from . import anchors
from .anchors import Link
from .chain import last_sequence, rows_after
from .declarations import Event
from .log import Subject, emit

if TYPE_CHECKING:
    from ..app import App

EVENTS = (
    Event(
        "core.event_chain_restarted",
        "An operator began the chain of the organization's events anew",
        "organization",
        {"after": "The last event that is no longer vouched for."},
    ),
)


def restart(app: "App", organization_id: str) -> int:
    """Begin the chain anew after its last event, whatever is wrong with those before; returns that event's sequence.

    What is before the new beginning is not vouched for any more; that this was done is an event of the organization.
    """
    with app.database.transaction():
        app.database.lock(f"event chain {organization_id}")
        head = anchors.link_of(anchors.head_of(organization_id))
        last = max(head.sequence, last_sequence(organization_id))
        rows = rows_after(organization_id, last - 1, last, 1)
        link = Link(last, rows[0]["hash"] if rows else head.hash)
        anchors.forget_all(organization_id)
        for kind in (anchors.START, anchors.SEAL) if last else ():
            anchors.write(app.keyring, organization_id, kind, link)
        about = Subject("organization", organization_id, organization_id)
        emit("core.event_chain_restarted", about, organization_id=organization_id, data={"after": last})
        return last
