"""Sealing events in the background: giving them their place in the organization's chain, some at a time.

Numbering events where they happen would make all writes of an organization wait for each other.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import peewee
import structlog

from ..context import system_scope
from ..data.records import database_of
from ..data.statements import Bind
from ..jobs.declarations import Job, Retry
from . import anchors
from .anchors import Link
from .chain import COLUMNS, ChainBroken, hash_of, last_sequence, scope_of
from .log import UNSEALED, EventRow

if TYPE_CHECKING:
    from ..app import App
    from ..jobs.context import JobContext

_AT_ONCE = 200
#: How many rows one statement writes: few sizes, so that few statements have to be compiled.
_STATEMENT_SIZES = (50, 10, 1)
#: What is written of an event, and which event it is.
_PLACE = ("id", "sequence", "hash", "previous_hash")
_log = structlog.get_logger("aasim.events")


def sealing_job(app: "App") -> Job:
    """The job that seals what has happened, every minute."""

    def seal(context: "JobContext", payload: Mapping[str, Any]) -> None:
        pending = unsealed_organizations()
        while pending and not context.should_stop():
            # In turns: nobody waits until the long log of another organization is sealed.
            pending = [each for each in pending if _seal_or_complain(app, each) == _AT_ONCE]

    return Job("core.seal_events", seal, retry=Retry(max_attempts=3), schedule="* * * * *")


def seal_everything(app: "App") -> int:
    """Seal every event that there is; returns how many. For tools and tests."""
    count = 0
    with app.database.connected(), system_scope("seal events"):
        for organization_id in unsealed_organizations():
            while sealed := seal_some(app, organization_id):
                count += sealed
    return count


def unsealed_organizations() -> list[str]:
    """The organizations that have unsealed events. Needs a system scope."""
    query: Any = EventRow.select(EventRow.organization_id).where(UNSEALED).distinct()
    return [organization_id for (organization_id,) in query.order_by(EventRow.organization_id).tuples()]


def _seal_or_complain(app: "App", organization_id: str) -> int:
    try:
        return seal_some(app, organization_id)
    except ChainBroken as error:
        _log.error("events cannot be sealed", organization_id=organization_id, reason=str(error))
        return 0


def seal_some(app: "App", organization_id: str) -> int:
    """Seal the organization's oldest unsealed events; returns how many. Needs a system scope.

    ChainBroken when the chain's end is not what was sealed. However many workers do it at the same time, each event gets one place.
    What a loss of power undoes is done again.
    """
    with app.database.transaction(durable=False):
        app.database.lock(f"event chain {organization_id}")
        head = anchors.head_of(organization_id)
        _refuse_forged(app, organization_id, head)
        rows = _unsealed(organization_id)
        if rows:
            link = _write(rows, anchors.link_of(head))
            anchors.move_head(app.keyring, organization_id, head, link)
        return len(rows)


def _refuse_forged(app: "App", organization_id: str, head: anchors.EventAnchor | None) -> None:
    """Nothing is sealed after what was not sealed here: that would vouch for it."""
    if head is None and last_sequence(organization_id):
        raise ChainBroken("the anchors of the chain are gone; see: aasim activities verify")
    if head is not None and not anchors.is_genuine(app.keyring, head):
        raise ChainBroken("the anchor of the chain's end is forged, or its key is gone; see: aasim activities verify")


def _unsealed(organization_id: str) -> list[dict[str, Any]]:
    database = database_of(EventRow)

    def build() -> Any:
        query = EventRow.select(*(getattr(EventRow, name) for name in COLUMNS))
        query = query.where(EventRow.organization_id == Bind("organization"), UNSEALED)
        return query.order_by(EventRow.organization_id, EventRow.sequence, EventRow.id).limit(Bind("limit"))

    values = {"organization": organization_id, "limit": _AT_ONCE}
    with scope_of(organization_id):
        rows = database.statement("unsealed", build).run(database, values).fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def _write(rows: Sequence[Mapping[str, Any]], link: Link) -> Link:
    """Put the events into the chain after `link`; returns its new end."""
    places = []
    for row in rows:
        sequence = link.sequence + 1
        value = hash_of(row, sequence, link.hash)
        places.append({"id": row["id"], "sequence": sequence, "hash": value, "previous_hash": link.hash})
        link = Link(sequence, value)
    while places:
        size = next(size for size in _STATEMENT_SIZES if size <= len(places))
        _update(places[:size])
        places = places[size:]
    return link


def _update(places: Sequence[Mapping[str, Any]]) -> None:
    database, count = database_of(EventRow), len(places)
    values = {f"{name}{n}": value for n, place in enumerate(places) for name, value in place.items()}
    statement = database.statement(("seal", count), lambda: _update_query(count))
    statement.run(database, values)


def _update_query(count: int) -> Any:
    rows = [tuple(Bind(f"{name}{number}") for name in _PLACE) for number in range(count)]
    place: Any = peewee.Table("place", _PLACE)
    columns = {getattr(EventRow, name): getattr(place, name) for name in _PLACE if name != "id"}
    # In an organization's scope, databases would look through its whole log for rows with one of these ids.
    query = EventRow.update(columns).from_(place).where(EventRow.id == place.id)
    return query.with_cte(peewee.CTE("place", peewee.ValuesList(rows), columns=_PLACE))
