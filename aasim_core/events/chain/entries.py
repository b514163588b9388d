"""The entries of the chains: the position and hash of each sealed event, written once, separately from the log."""

from collections.abc import Iterable, Mapping
from typing import Any

import peewee

from ...data.compiled import compiled
from ...data.fields import IdField, JsonField
from ...data.records import Row, insert_rows
from ...data.statements import Bind
from ..log import scope_of
from ..records import EventRow

#: Rows per statement: few different sizes, so that few statements have to be compiled.
_STATEMENT_SIZES = (100, 10, 1)


class ChainEntry(Row):
    """The position of one event in its organization's chain.

    `version` is the format of the hash, see `formats`. `salt` prevents guessing the event's contents from their digests; where some are
    erased, `erased` replaces it: their digests, and the keys of the others.
    """

    event_id = IdField(primary_key=True)
    organization_id = IdField()
    sequence = peewee.BigIntegerField()
    version = peewee.SmallIntegerField()
    hash = peewee.TextField()
    previous_hash = peewee.TextField(null=True)
    salt = peewee.TextField(null=True)
    erased = JsonField(null=True)

    class Meta:
        table_name = "core_event_entry"
        indexes = ((("organization_id", "sequence"), True),)


_EVENT = tuple(EventRow._meta.sorted_field_names)
_ENTRY = ("sequence", "version", "hash", "previous_hash", "salt", "erased")
#: The columns of a sealed event, in the order in which statements read them.
COLUMNS = (*_EVENT, *_ENTRY)


def columns() -> list[Any]:
    """Return the same columns as expressions, for a query that joins entries and events."""
    return [getattr(EventRow, name) for name in _EVENT] + [getattr(ChainEntry, name) for name in _ENTRY]


def rows_after(organization_id: str, after: int, until: int, limit: int) -> list[dict[str, Any]]:
    """Return sealed events after one sequence and up to another, in order, as the database has them, each with its entry."""
    with scope_of(organization_id):
        rows = _sealed.all(organization=organization_id, after=after, until=until, limit=limit)
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


@compiled(EventRow)
def _sealed() -> Any:
    query: Any = ChainEntry.select(*columns()).join_from(ChainEntry, EventRow, on=EventRow.id == ChainEntry.event_id)
    within = (ChainEntry.sequence > Bind("after")) & (ChainEntry.sequence <= Bind("until"))
    query = query.where(ChainEntry.organization_id == Bind("organization"), within)
    return query.order_by(ChainEntry.organization_id, ChainEntry.sequence).limit(Bind("limit"))


def last_sequence(organization_id: str) -> int:
    """Return the highest sequence of the organization's events; 0 if none is sealed."""
    query: Any = ChainEntry.select(ChainEntry.sequence).where(ChainEntry.organization_id == organization_id)
    with scope_of(organization_id):
        return query.order_by(ChainEntry.organization_id.desc(), ChainEntry.sequence.desc()).limit(1).scalar() or 0


def hash_at(organization_id: str, sequence: int) -> str | None:
    """Return the hash in the entry of that sequence, even if its event no longer exists."""
    here = (ChainEntry.organization_id == organization_id) & (ChainEntry.sequence == sequence)
    with scope_of(organization_id):
        found: str | None = ChainEntry.select(ChainEntry.hash).where(here).scalar()
    return found


def insert(entries: Iterable[Mapping[str, Any]]) -> None:
    """Write entries, given as complete rows. Needs a transaction."""
    rest = list(entries)
    while rest:
        size = next(size for size in _STATEMENT_SIZES if size <= len(rest))
        insert_rows(ChainEntry, rest[:size])
        rest = rest[size:]
