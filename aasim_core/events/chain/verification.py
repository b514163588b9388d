"""Verify a chain of events against its hashes and signed anchors, as it is at one moment."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ...context import EVERY_ORGANIZATION
from ...data.records import database_of
from ...secrets import Keyring
from ...tenancy.records import Organization
from . import anchors
from .anchors import EventAnchor, Link
from .entries import hash_at, last_sequence, rows_after
from .faults import Fault, erased_in, faults_in, missing_end

#: Events per read.
_AT_ONCE = 1000
#: Faults in one response; more add nothing for a chain that was forged throughout.
MOST_FAULTS = 100


@dataclass(frozen=True)
class Findings:
    """The result of verifying a section of an organization's chain.

    `checked` is its number of events, `erased` how many of them had contents erased; `begins_after` the last pruned sequence, 0 if none;
    `head` the end of the chain, `next_after` where to continue, None at the end.
    """

    checked: int
    erased: int
    begins_after: int
    head: Link
    next_after: int | None
    faults: Sequence[Fault]

    def with_next(self, following: "Findings") -> "Findings":
        """Merge this section's result with the following one's; what both contain counts once."""
        faults = [*self.faults, *(fault for fault in following.faults if fault not in self.faults)]
        return replace(following, checked=self.checked + following.checked, erased=self.erased + following.erased, faults=faults)


def verify(keyring: Keyring, organization_id: str, *, after: int = 0, limit: int = 10_000) -> Findings:
    """Verify up to `limit` events after a sequence."""
    with database_of(EventAnchor).snapshot():
        top = last_sequence(organization_id)
        head, start = anchors.head_of(organization_id), anchors.start_of(organization_id)
        end = anchors.link_of(head)
        faults = list(_faults_of_the_end(keyring, head, top))
        walk = _Walk(keyring, organization_id, after, end.sequence)
        while walk.goes_on and walk.checked < limit and len(faults) < MOST_FAULTS:
            faults += walk.step(min(_AT_ONCE, limit - walk.checked))
    if not walk.goes_on:
        faults += missing_end(walk.link, end.sequence)
    if start is not None and not anchors.is_genuine(keyring, start):
        faults.insert(0, Fault("unsigned", start.sequence, start.sequence, "The anchor of the chain's beginning is forged."))
    next_after = walk.link.sequence if walk.goes_on else None
    return Findings(walk.checked, walk.erased, anchors.link_of(start).sequence, end, next_after, faults[:MOST_FAULTS])


def logged_organizations() -> list[str]:
    """Return all organizations with a chain, or with sealed events but no chain; events without an organization count as one more.

    Needs a system scope.
    """
    everybody = {EVERY_ORGANIZATION, *(organization.id for organization in Organization.select(Organization.id))}
    chained = set(anchors.chained_organizations())
    return sorted(chained | {each for each in everybody - chained if last_sequence(each)})


def _faults_of_the_end(keyring: Keyring, head: EventAnchor | None, top: int) -> Iterator[Fault]:
    last = anchors.link_of(head).sequence
    if head is not None and not anchors.is_genuine(keyring, head):
        yield Fault("unsigned", last, last, "The anchor of the chain's end is forged, or its key is gone.")
    if head is None and top:
        yield Fault("unsigned", top, top, "The anchors of the chain are gone.")
    elif top > last:
        yield Fault("inserted", last + 1, top, f"The events from {last + 1} on were never sealed here.")


class _Walk:
    """Walks along a chain step by step."""

    def __init__(self, keyring: Keyring, organization_id: str, after: int, until: int) -> None:
        self._keyring, self._organization_id, self._until = keyring, organization_id, until
        self.checked = self.erased = 0
        self.goes_on = True
        self.link = self._place(after)
        self._good = self.link.sequence

    def _place(self, after: int) -> Link:
        start = anchors.link_of(anchors.start_of(self._organization_id))
        if after <= start.sequence:
            return start
        before = hash_at(self._organization_id, after)
        return Link(after, before, unknown=before is None)

    def step(self, limit: int) -> Iterator[Fault]:
        """Return the faults of the next events."""
        rows = rows_after(self._organization_id, self.link.sequence, self._until, limit)
        before = self.link
        yield from self._faults_in(rows)
        # Each step ends the walk or advances it, whatever is missing, so it terminates.
        self.goes_on = before.sequence < self.link.sequence < self._until

    def _faults_in(self, rows: Sequence[Mapping[str, Any]]) -> Iterator[Fault]:
        found = list(faults_in(self._keyring, rows, self.link))
        yield from found
        if rows:
            yield from self._against_anchors(rows, clean=not found)
            self.link = Link(rows[-1]["sequence"], rows[-1]["hash"])
            self.checked += len(rows)
            self.erased += erased_in(rows)

    def _against_anchors(self, rows: Sequence[Mapping[str, Any]], *, clean: bool) -> Iterator[Fault]:
        """Detect events that agree with each other but not with the anchors: somebody else resealed all of them."""
        hashes = {row["sequence"]: row["hash"] for row in rows}
        for anchor in anchors.between(self._organization_id, self.link.sequence, rows[-1]["sequence"]):
            if not anchors.is_genuine(self._keyring, anchor):
                if anchor.sequence != self._until:  # the end's anchor has been reported already
                    yield Fault("unsigned", anchor.sequence, anchor.sequence, f"The anchor at event {anchor.sequence} is forged.")
            elif hashes.get(anchor.sequence, anchor.hash) == anchor.hash:
                self._good = anchor.sequence
            elif clean:
                first = self._good + 1
                message = f"Some of the events {first} to {anchor.sequence} were changed, and resealed by somebody else."
                yield Fault("changed", first, anchor.sequence, message)
                return
