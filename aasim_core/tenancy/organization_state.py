"""Cached state of organizations: halted or not, and the epoch of their cached values."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar, TypeVarTuple, cast

from ..context import current_organization
from ..data.compiled import compiled
from ..data.records import database_of
from ..data.statements import Bind
from .records import ACTIVE, Organization

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")
#: For how many seconds what was read is trusted.
TRUSTED_SECONDS = 1.0
_MOST_KEPT = 10_000
#: The time of an epoch that was never read.
_NEVER = (float("-inf"), 0)


class OrganizationState(NamedTuple):
    """The state of the organization, at most a second old."""

    authz_epoch: int
    is_halted: bool


class OrganizationStates:
    """Reads the state of each organization at most once a second."""

    def __init__(self) -> None:
        self._states: dict[str, tuple[float, OrganizationState]] = {}
        self._epochs: dict[str, tuple[float, int]] = {}

    def of(self, organization_id: str) -> OrganizationState:
        """Return the organization's state; a suspended, closing or deleted one counts as halted."""
        read_at, state = self._states.get(organization_id, (float("-inf"), OrganizationState(0, is_halted=True)))
        if time.monotonic() - read_at >= TRUSTED_SECONDS:
            found = _read(organization_id)
            if found is None:  # it is deleted, or not written yet; nothing is remembered of it
                return OrganizationState(0, is_halted=True)
            if _is_changed_here(organization_id):
                return found
            if len(self._states) > _MOST_KEPT:
                self._states.clear()
            state = found
            self._states[organization_id] = time.monotonic(), state
            self.note_epoch(organization_id, state.authz_epoch)
        return state

    def epoch_of(self, organization_id: str) -> int:
        """Return the organization's epoch, at most a second old; within a request this needs no statement."""
        noted_at, epoch = self._epochs.get(organization_id, _NEVER)
        return epoch if time.monotonic() - noted_at < TRUSTED_SECONDS else self.of(organization_id).authz_epoch

    def note_epoch(self, organization_id: str, epoch: int) -> None:
        """Store an epoch that was just read, unless a later one is known."""
        if len(self._epochs) > _MOST_KEPT:
            self._epochs.clear()
        _, known = self._epochs.get(organization_id, (0.0, epoch))
        if epoch >= known:
            self._epochs[organization_id] = time.monotonic(), epoch

    def note(self, organization_id: str, state: OrganizationState) -> None:
        """Store a state that was just read; ignored if it is older than the known one."""
        _, known = self._states.get(organization_id, (0.0, state))
        if state.authz_epoch >= known.authz_epoch:
            self._states[organization_id] = time.monotonic(), state
            self.note_epoch(organization_id, state.authz_epoch)

    def forget(self, organization_id: str) -> None:
        """Refresh on the next call: this process changed something."""
        self._states.pop(organization_id, None)
        self._epochs.pop(organization_id, None)


class _OfAnotherEpoch(Exception):
    """The value that was read belongs to another epoch than the one asked for."""

    def __init__(self, value: Any) -> None:
        super().__init__()
        self.value = value


def by_epoch(read: Callable[[str, int, *_Arguments], _T], size: int) -> Callable[[str, int, *_Arguments], _T]:
    """Call `read(organization_id, epoch, …)` once per arguments, and cache the result.

    What is read may be older than the epoch, which another thread has noted meanwhile: on SQLite, a thread that is reading the rows of a
    query sees the state of when it began. It may be newer, too, in the transaction that changes it. Such a result is not cached.
    """

    @lru_cache(size)
    def kept(organization_id: str, epoch: int, *arguments: *_Arguments) -> _T:
        value = read(organization_id, epoch, *arguments)
        if _is_changed_here(organization_id) or _epoch.one(id=organization_id) != (epoch,):
            raise _OfAnotherEpoch(value)
        return value

    def ask(organization_id: str, epoch: int, *arguments: *_Arguments) -> _T:
        try:
            return kept(organization_id, epoch, *arguments)
        except _OfAnotherEpoch as other:
            return cast(_T, other.value)

    return ask


def cached(states: OrganizationStates, read: Callable[[*_Arguments], _T], size: int = 4096) -> Callable[[*_Arguments], _T]:
    """Call `read`, which returns facts about the organization in scope, once per epoch and arguments, and cache the result.

    Code that changes these facts calls `epoch.bump` in the same transaction. Requests see the change at once, in every process; work
    without a request may see it a second later, but an execution's turn never sees values older than the turn.
    """

    def read_here(organization_id: str, epoch: int, *arguments: *_Arguments) -> _T:
        return read(*arguments)

    kept = by_epoch(read_here, size)

    def ask(*arguments: *_Arguments) -> _T:
        organization_id = current_organization()
        return kept(organization_id, states.epoch_of(organization_id), *arguments)

    return ask


#: The columns of an `OrganizationState`.
FACTS = (Organization.authz_epoch, Organization.halted_at, Organization.status)


def state_of(epoch: int, halted_at: object, status: str) -> OrganizationState:
    """Return the state that `FACTS` describe."""
    return OrganizationState(epoch, is_halted=halted_at is not None or status != ACTIVE)


def _is_changed_here(organization_id: str) -> bool:
    """Return whether the running transaction changes what is cached: others may never see what it reads."""
    database = database_of(Organization)
    return database.is_in_transaction and organization_id in database.current_transaction().bumped


def _read(organization_id: str) -> OrganizationState | None:
    row = _facts.one(id=organization_id)
    return None if row is None else state_of(*row)


@compiled(Organization)
def _facts() -> Any:
    return Organization.select(*FACTS).where(Organization.id == Bind("id"))


@compiled(Organization)
def _epoch() -> Any:
    return Organization.select(Organization.authz_epoch).where(Organization.id == Bind("id"))
