"""What a process must know of an organization all the time: whether it is halted, and whether what is remembered of it has changed."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, TypeVarTuple

from ..context import current_organization
from ..data.compiled import compiled
from ..data.statements import Bind
from .records import ACTIVE, Organization

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")
_TRUSTED_SECONDS = 1.0
_MOST_KEPT = 10_000
#: When an epoch was told that never was.
_NEVER = (float("-inf"), 0)


class Beat(NamedTuple):
    """The organization as it was at most a second ago."""

    authz_epoch: int
    is_halted: bool


class Pulse:
    """Reads each organization at most once a second."""

    def __init__(self) -> None:
        self._beats: dict[str, tuple[float, Beat]] = {}
        self._epochs: dict[str, tuple[float, int]] = {}

    def of(self, organization_id: str) -> Beat:
        """How it stands with the organization; one that is barred, closing or gone is halted too."""
        read_at, beat = self._beats.get(organization_id, (float("-inf"), Beat(0, is_halted=True)))
        if time.monotonic() - read_at >= _TRUSTED_SECONDS:
            found = _read(organization_id)
            if found is None:  # it is gone, or not written yet; nothing is remembered of it
                return Beat(0, is_halted=True)
            if len(self._beats) > _MOST_KEPT:
                self._beats.clear()
            beat = found
            self._beats[organization_id] = time.monotonic(), beat
            self.tell_epoch(organization_id, beat.authz_epoch)
        return beat

    def epoch_of(self, organization_id: str) -> int:
        """The organization's epoch as it was at most a second ago; within a request, no statement is needed to know it."""
        told_at, epoch = self._epochs.get(organization_id, _NEVER)
        return epoch if time.monotonic() - told_at < _TRUSTED_SECONDS else self.of(organization_id).authz_epoch

    def tell_epoch(self, organization_id: str, epoch: int) -> None:
        """Remember an epoch that was just read, unless a later one is known."""
        if len(self._epochs) > _MOST_KEPT:
            self._epochs.clear()
        _, known = self._epochs.get(organization_id, (0.0, epoch))
        if epoch >= known:
            self._epochs[organization_id] = time.monotonic(), epoch

    def tell(self, organization_id: str, beat: Beat) -> None:
        """How it stands, for whoever has just read it; what is older than what is known is left aside."""
        _, known = self._beats.get(organization_id, (0.0, beat))
        if beat.authz_epoch >= known.authz_epoch:
            self._beats[organization_id] = time.monotonic(), beat
            self.tell_epoch(organization_id, beat.authz_epoch)

    def forget(self, organization_id: str) -> None:
        """Look again at the next question: something was changed in this process."""
        self._beats.pop(organization_id, None)
        self._epochs.pop(organization_id, None)


def remembered(pulse: Pulse, read: Callable[[*_Arguments], _T], size: int = 4096) -> Callable[[*_Arguments], _T]:
    """`read`, which tells something of the organization in scope, asked once for each of its epochs and the same arguments.

    Whoever changes what it tells calls `epoch.bump` in the same transaction. In another process that may act a second later; what
    an execution's turn asks for is never older than the turn.
    """

    @lru_cache(size)
    def kept(organization_id: str, epoch: int, *arguments: *_Arguments) -> _T:
        return read(*arguments)

    def ask(*arguments: *_Arguments) -> _T:
        organization_id = current_organization()
        return kept(organization_id, pulse.epoch_of(organization_id), *arguments)

    return ask


#: The columns that make a `Beat`.
FACTS = (Organization.authz_epoch, Organization.halted_at, Organization.status)


def beat_of(epoch: int, halted_at: object, status: str) -> Beat:
    """What `FACTS` say."""
    return Beat(epoch, is_halted=halted_at is not None or status != ACTIVE)


def _read(organization_id: str) -> Beat | None:
    row = _facts.one(id=organization_id)
    return None if row is None else beat_of(*row)


@compiled(Organization)
def _facts() -> Any:
    return Organization.select(*FACTS).where(Organization.id == Bind("id"))
