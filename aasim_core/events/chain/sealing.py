"""Seal events in the background: assign batches of them their positions in the organization's chain.

Numbering events when they are emitted would serialize all writes of an organization. Sealing scans the log in the order of ids, which is
roughly that of time, and writes an entry for each event without one. Transactions do not commit in the order in which they begin, and the
clocks of machines differ. So a scan begins `MARGIN` before the start of the previous one; and the first of each day begins at the first
event, so that later commits are not missed either.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import peewee
import structlog

from ...clock import now
from ...context import system_scope
from ...data.compiled import compiled
from ...data.fields import InstantField
from ...data.records import Row
from ...data.statements import Bind, in_text
from ...ids import first_id
from ..records import EventRow
from . import anchors, entries
from .anchors import Link
from .entries import ChainEntry, last_sequence
from .faults import ChainBroken
from .formats import format_of, hash_of, new_salt

if TYPE_CHECKING:
    from ...data.database import Database
    from ...secrets import Keyring

NAME = "core.seal_events"
#: How much later than its id says an event may be committed and still be found by the next scan, not only by the first of a day.
MARGIN = timedelta(minutes=5)
#: Events that a scan reads, and at most seals, in one transaction.
_AT_ONCE = 2000
_EVENT = tuple(EventRow._meta.sorted_field_names)
_log = structlog.get_logger("aasim.events")


class SealingWalk(Row):
    """When the last completed scan of the log began; its table has one row, which each scan updates."""

    id = peewee.TextField(primary_key=True, default="last")
    began_at = InstantField()

    class Meta:
        table_name = "core_event_walk"
        internal = True


def seal_everything(database: "Database", keyring: "Keyring") -> int:
    """Seal every event that there is; returns how many. For tools and tests."""
    with database.connected(), system_scope("seal events"):
        return seal_events(database, keyring, whole=True)


def seal_events(
    database: "Database", keyring: "Keyring", *, whole: bool = False, should_stop: Callable[[], bool] = lambda: False
) -> int:
    """Walk along the log, and seal the events that are not; returns how many. Needs a system scope.

    Each event gets one position, however many workers run this concurrently. A chain whose end differs from what was sealed is left
    unchanged, and an error is logged.
    """
    began, broken, count = now(), set[str](), 0
    after: str | None = "" if whole else _beginning(began)
    while after is not None and not should_stop():
        sealed, after = _seal_some(database, keyring, after, broken)
        count += sealed
    if after is None:
        _remember(database, began)
    return count


def _beginning(moment: datetime) -> str:
    """Return where a scan begins: everything up to that id is sealed."""
    last = SealingWalk.get_or_none()
    if last is None or last.began_at.date() != moment.date():
        return ""
    return first_id("evt", last.began_at - MARGIN)


def _remember(database: "Database", began: datetime) -> None:
    with database.transaction(durable=False):
        database.lock("event walk")
        if not SealingWalk.update(began_at=began).execute():
            SealingWalk.insert(id="last", began_at=began).execute()


def _seal_some(database: "Database", keyring: "Keyring", after: str, broken: set[str]) -> tuple[int, str | None]:
    """Seal the next unsealed events; returns their number, and the id to continue after, None at the end.

    Organizations whose chain is broken are added to `broken`. Work lost in a power failure is repeated.
    """
    until = _last_of_the_next.one(after=after)[0]
    organizations = {each for (each,) in _waiting.all(after=after, until=until)} - broken if until is not None else ()
    if not organizations:
        return 0, until
    with database.transaction(durable=False):
        for organization_id in sorted(organizations):
            database.lock(f"event chain {organization_id}")
        found = defaultdict(list)
        for values in _unsealed.all(after=after, until=until):
            row = dict(zip(_EVENT, values, strict=True))
            found[row["organization_id"]].append(row)
        made: list[dict[str, Any]] = []
        for organization_id in organizations & found.keys():
            try:
                made += _continue(keyring, organization_id, found[organization_id])
            except ChainBroken as error:
                broken.add(organization_id)
                _log.error("events cannot be sealed", organization_id=organization_id, reason=str(error))
        entries.insert(made)
    return len(made), until


@compiled(EventRow)
def _last_of_the_next() -> Any:
    some = EventRow.select(EventRow.id).where(EventRow.id > Bind("after")).order_by(EventRow.id).limit(in_text(_AT_ONCE))
    return some.select_from(peewee.fn.MAX(peewee.SQL("id")))


@compiled(EventRow)
def _waiting() -> Any:
    return _between(EventRow.organization_id)


@compiled(EventRow)
def _unsealed() -> Any:
    return _between(*(getattr(EventRow, name) for name in _EVENT))


def _between(*columns: Any) -> Any:
    query: Any = EventRow.select(*columns)
    query = query.join_from(EventRow, ChainEntry, peewee.JOIN.LEFT_OUTER, on=ChainEntry.event_id == EventRow.id)
    within = (EventRow.id > Bind("after")) & (EventRow.id <= Bind("until"))
    return query.where(within, ChainEntry.event_id.is_null()).order_by(EventRow.id)


def _continue(keyring: "Keyring", organization_id: str, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The entries of events that follow the end of their organization's chain, whose anchor is moved behind them."""
    head = anchors.head_of(organization_id)
    _refuse_forged(keyring, organization_id, head)
    link, made = anchors.link_of(head), []
    for row in rows:
        entry = {
            "event_id": row["id"],
            "organization_id": organization_id,
            "sequence": link.sequence + 1,
            "version": format_of(row),
            "previous_hash": link.hash,
            "salt": new_salt(),
            "erased": None,
        }
        entry["hash"] = hash_of({**row, **entry})
        made.append(entry)
        link = Link(entry["sequence"], entry["hash"])
    anchors.move_head(keyring, organization_id, head, link)
    return made


def _refuse_forged(keyring: "Keyring", organization_id: str, head: anchors.EventAnchor | None) -> None:
    """Nothing is sealed after what was not sealed here: that would vouch for it."""
    if head is None and last_sequence(organization_id):
        raise ChainBroken("the anchors of the chain are gone; see: aasim activities verify")
    if head is not None and not anchors.is_genuine(keyring, head):
        raise ChainBroken("the anchor of the chain's end is forged, or its key is gone; see: aasim activities verify")
