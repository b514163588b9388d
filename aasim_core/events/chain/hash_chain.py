"""The chain of an organization's events: each is numbered, and its hash covers it and the hash of the one before.

So nobody can change, remove or insert one without changing all that follow; and the last one is anchored, see `anchors`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...secrets import Keyring
from . import anchors
from .anchors import Link
from .formats import CONTENTS, NotWhole, commitment, hash_of


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


def faults_in(keyring: Keyring, rows: Sequence[Mapping[str, Any]], link: Link) -> Iterator[Fault]:
    """What is wrong with a stretch of a chain, in order; `link` is the place that the first of `rows` must follow."""
    vouched = _vouched(keyring, rows)
    for row in rows:
        sequence, is_whole = row["sequence"], _is_whole(row, vouched)
        if sequence > link.sequence + 1:
            yield _removed(link.sequence + 1, sequence - 1)
        elif is_whole and row["previous_hash"] != link.hash and not link.unknown:
            # The hash of a changed event was made anew, and the next one still names the old one.
            yield _changed(sequence if link.anchored else link.sequence)
        if not is_whole:
            yield _changed(sequence)
        link = Link(sequence, row["hash"], unknown=not is_whole)


def erased_in(rows: Iterable[Mapping[str, Any]]) -> int:
    """How many of the events have lost some of their contents by erasing."""
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
    """Whether a hash of contents can be computed no more, because some of them are erased."""
    return row["version"] == CONTENTS and row["erased"] is not None


def _vouched(keyring: Keyring, rows: Sequence[Mapping[str, Any]]) -> Mapping[int, str]:
    """By their sequences, the commitments of those events that an anchor was needed for when contents of them were erased."""
    sequences = [row["sequence"] for row in rows if _needs_voucher(row)]
    if not sequences:
        return {}
    found = anchors.between(rows[0]["organization_id"], sequences[0] - 1, sequences[-1], anchors.ERASED)
    return {anchor.sequence: anchor.hash for anchor in found if anchors.is_genuine(keyring, anchor)}


def _removed(first: int, last: int) -> Fault:
    named = f"Event {first} is" if first == last else f"The events {first} to {last} are"
    return Fault("removed", first, last, f"{named} not there.")


def missing_end(link: Link, head: int) -> Iterator[Fault]:
    """The fault of a chain that ends at `link`, and should end at `head`."""
    if link.sequence < head:
        yield _removed(link.sequence + 1, head)
