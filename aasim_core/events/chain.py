"""The chain of an organization's events: each is numbered, and its hash covers it and the hash of the one before.

So nobody can change, remove or insert one without changing all that follow; and the last one is anchored, see `anchors`.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal

import orjson

from ..context import EVERY_ORGANIZATION, organization_scope
from ..data.records import database_of
from ..data.statements import Bind
from .anchors import Link
from .log import SEALED, EventRow

#: The columns of an event, in the order in which `rows_after` reads them.
COLUMNS = tuple(EventRow._meta.sorted_field_names)


class ChainBroken(Exception):
    """The chain cannot be continued or cut, because what is there is not what was sealed; its text says what."""


@dataclass(frozen=True)
class Fault:
    """What is wrong with the events from `sequence` to `until`, or with just one of them.

    ``changed``: not as it was sealed. ``removed``: not there. ``inserted``: there, and was never sealed here. ``unsigned``: the anchor at
    that event is not this installation's.
    """

    kind: Literal["changed", "removed", "inserted", "unsigned"]
    sequence: int
    until: int
    message: str


def scope_of(organization_id: str) -> AbstractContextManager[None]:
    """The scope to read a chain in: its organization's. What belongs to no organization needs a system scope around it.

    There PostgreSQL knows how many rows its policies let pass; in a system scope it takes them for hardly any.
    """
    return nullcontext() if organization_id == EVERY_ORGANIZATION else organization_scope(organization_id)


def canonical(row: Mapping[str, Any], sequence: int, previous_hash: str | None) -> bytes:
    """The bytes that an event's hash is made of: the activity as the API shows it, without its hash, as JSON with sorted keys.

    `row` is the event as the database has it. What is hashed once can never be hashed otherwise: fields that come later stay out.
    """
    activity = {
        "id": row["id"],
        "organization_id": row["organization_id"],
        "sequence": sequence,
        "at": row["at"],
        "actor": {part: row[f"actor_{part}"] for part in ("type", "id", "label", "ip")},
        "action": row["name"],
        "subject": {part: row[f"subject_{part}"] for part in ("type", "id", "label")},
        "outcome": row["outcome"],
        "changes": _parsed(row["changes"]),
        "data": _parsed(row["data"]),
        "request_id": row["request_id"],
        "previous_hash": previous_hash,
    }
    return orjson.dumps(activity, option=orjson.OPT_SORT_KEYS)


def hash_of(row: Mapping[str, Any], sequence: int, previous_hash: str | None) -> str:
    """The hash of an event at its place in the chain: SHA-256 in hexadecimal."""
    return sha256(canonical(row, sequence, previous_hash)).hexdigest()


def _parsed(text: str | None) -> Any:
    return None if text is None else orjson.loads(text)


def faults_in(rows: Iterable[Mapping[str, Any]], link: Link) -> Iterator[Fault]:
    """What is wrong with a stretch of a chain, in order; `link` is the place that the first of `rows` must follow."""
    for row in rows:
        sequence, is_whole = row["sequence"], _is_whole(row)
        if sequence > link.sequence + 1:
            yield _removed(link.sequence + 1, sequence - 1)
        elif is_whole and row["previous_hash"] != link.hash and not link.unknown:
            # The hash of a changed event was made anew, and the next one still names the old one.
            yield _changed(sequence if link.anchored else link.sequence)
        if not is_whole:
            yield _changed(sequence)
        link = Link(sequence, row["hash"], unknown=not is_whole)


def _changed(sequence: int) -> Fault:
    return Fault("changed", sequence, sequence, f"Event {sequence} is not as it was sealed.")


def _is_whole(row: Mapping[str, Any]) -> bool:
    try:
        return bool(hash_of(row, row["sequence"], row["previous_hash"]) == row["hash"])
    except orjson.JSONDecodeError:
        return False


def _removed(first: int, last: int) -> Fault:
    named = f"Event {first} is" if first == last else f"The events {first} to {last} are"
    return Fault("removed", first, last, f"{named} not there.")


def missing_end(link: Link, head: int) -> Iterator[Fault]:
    """The fault of a chain that ends at `link`, and should end at `head`."""
    if link.sequence < head:
        yield _removed(link.sequence + 1, head)


def rows_after(organization_id: str, after: int, until: int, limit: int) -> list[dict[str, Any]]:
    """Sealed events after one sequence and up to another, in order, as the database has them."""
    database = database_of(EventRow)

    def build() -> Any:
        within = (EventRow.sequence > Bind("after")) & (EventRow.sequence <= Bind("until"))
        query = EventRow.select(*(getattr(EventRow, name) for name in COLUMNS))
        query = query.where(EventRow.organization_id == Bind("organization"), within)
        return query.order_by(EventRow.organization_id, EventRow.sequence).limit(Bind("limit"))

    values = {"organization": organization_id, "after": after, "until": until, "limit": limit}
    with scope_of(organization_id):
        rows = database.statement("chain", build).run(database, values).fetchall()
    return [dict(zip(COLUMNS, row, strict=True)) for row in rows]


def last_sequence(organization_id: str) -> int:
    """The highest sequence that any event of the organization has; 0 where none is sealed."""
    query: Any = EventRow.select(EventRow.sequence).where(EventRow.organization_id == organization_id, SEALED)
    with scope_of(organization_id):
        return query.order_by(EventRow.organization_id.desc(), EventRow.sequence.desc()).limit(1).scalar() or 0
