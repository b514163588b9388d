"""The hash chain of an organization's events: each event is numbered, and its hash covers it and the previous hash.

Changing, removing or inserting an event therefore changes all that follow; and the last one is anchored, see `anchors`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...secrets import Keyring
from . import anchors
from .anchors import Link
from .formats import CONTENTS, NotWhole, commitment, hash_of


class ChainBroken(Exception):
    """The chain cannot be continued or pruned, because the events differ from what was sealed; the text gives details."""


@dataclass(frozen=True)
class Fault:
    """A fault in the events from `sequence` to `until`, or in one of them.

    ``changed``: differs from what was sealed. ``removed``: missing. ``inserted``: exists, but was never sealed here. ``unsigned``: this
    installation did not make the anchor at that event.
    """

    kind: Literal["changed", "removed", "inserted", "unsigned"]
    sequence: int
    until: int
    message: str


def faults_in(keyring: Keyring, rows: Sequence[Mapping[str, Any]], link: Link) -> Iterator[Fault]:
    """Return the faults of a section of a chain, in order; the first of `rows` must follow the position `link`."""
    vouched = _vouched(keyring, rows)
    for row in rows:
        sequence, is_whole = row["sequence"], _is_whole(row, vouched)
        if sequence > link.sequence + 1:
            yield _removed(link.sequence + 1, sequence - 1)
        elif is_whole and row["previous_hash"] != link.hash and not link.unknown:
            # The hash of a changed event was recomputed, but the next event still names the old one.
            yield _changed(sequence if link.anchored else link.sequence)
        if not is_whole:
            yield _changed(sequence)
        link = Link(sequence, row["hash"], unknown=not is_whole)


def erased_in(rows: Iterable[Mapping[str, Any]]) -> int:
    """Return how many of the events have had contents erased."""
    return sum(row["erased"] is not None for row in rows)


def _changed(sequence: int) -> Fault:
    return Fault("changed", sequence, sequence, f"Event {sequence} is not as it was sealed.")


def _is_whole(row: Mapping[str, Any], vouched: Mapping[int, str]) -> bool:
    try:
        if _needs_voucher(row):
            return vouched.get(row["sequence"]) == commitment(row)
        return bool(hash_of(row) == row["hash"])
    except NotWhole:
        return False


def _needs_voucher(row: Mapping[str, Any]) -> bool:
    """Return whether the hash of the contents can no longer be computed because some are erased."""
    return row["version"] == CONTENTS and row["erased"] is not None


def _vouched(keyring: Keyring, rows: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
    """Return, by sequence, the commitments of events that needed an anchor when their contents were erased."""
    sequences = [row["sequence"] for row in rows if _needs_voucher(row)]
    if not sequences:
        return {}
    found = anchors.between(rows[0]["organization_id"], sequences[0] - 1, sequences[-1], anchors.ERASED)
    return {anchor.sequence: anchor.hash for anchor in found if anchors.is_genuine(keyring, anchor)}


def _removed(first: int, last: int) -> Fault:
    named = f"Event {first} is" if first == last else f"The events {first} to {last} are"
    return Fault("removed", first, last, f"{named} not there.")


def missing_end(link: Link, head: int) -> Iterator[Fault]:
    """Return the fault of a chain that ends at `link`, and should end at `head`."""
    if link.sequence < head:
        yield _removed(link.sequence + 1, head)
