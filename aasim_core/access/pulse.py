"""What a process must know of an organization all the time: whether it is halted, and whether what is remembered of it has changed."""

import time
from collections.abc import Callable
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple, TypeVar, TypeVarTuple

from ..context import current_organization
from ..data.records import database_of
from ..data.statements import Bind
from .records import ACTIVE, Organization

if TYPE_CHECKING:
    from ..app import App

_T = TypeVar("_T")
_Arguments = TypeVarTuple("_Arguments")
_TRUSTED_SECONDS = 1.0
_MOST_KEPT = 10_000


class Beat(NamedTuple):
    """The organization as it was at most a second ago."""

    authz_epoch: int
    is_halted: bool


class Pulse:
    """Reads each organization at most once a second."""

    def __init__(self) -> None:
        self._beats: dict[str, tuple[float, Beat]] = {}

    def of(self, organization_id: str) -> Beat:
        """How it stands with the organization; one that is barred, closing or gone is halted too."""
        read_at, beat = self._beats.get(organization_id, (float("-inf"), Beat(0, is_halted=True)))
        if time.monotonic() - read_at >= _TRUSTED_SECONDS:
            if len(self._beats) > _MOST_KEPT:
                self._beats.clear()
            beat = _read(organization_id)
            self._beats[organization_id] = time.monotonic(), beat
        return beat

    def tell(self, organization_id: str, beat: Beat) -> None:
        """How it stands, for whoever has just read it; what is older than what is known is left aside."""
        _, known = self._beats.get(organization_id, (0.0, beat))
        if beat.authz_epoch >= known.authz_epoch:
            self._beats[organization_id] = time.monotonic(), beat

    def forget(self, organization_id: str) -> None:
        """Look again at the next question: something was changed in this process."""
        self._beats.pop(organization_id, None)


def remembered(app: "App", read: Callable[[*_Arguments], _T], size: int = 4096) -> Callable[[*_Arguments], _T]:
    """`read`, which tells something of the organization in scope, asked once for each of its epochs and the same arguments.

    Whoever changes what it tells calls `epoch.bump` in the same transaction. In another process that may act a second later; what
    an execution's turn asks for is never older than the turn.
    """

    @lru_cache(size)
    def kept(organization_id: str, epoch: int, *arguments: *_Arguments) -> _T:
        return read(*arguments)

    def ask(*arguments: *_Arguments) -> _T:
        organization_id = current_organization()
        return kept(organization_id, app.pulse.of(organization_id).authz_epoch, *arguments)

    return ask


#: The columns that make a `Beat`.
FACTS = (Organization.authz_epoch, Organization.halted_at, Organization.status)


def beat_of(epoch: int, halted_at: object, status: str) -> Beat:
    """What `FACTS` say."""
    return Beat(epoch, is_halted=halted_at is not None or status != ACTIVE)


def _read(organization_id: str) -> Beat:
    database = database_of(Organization)
    query = database.statement("pulse", lambda: Organization.select(*FACTS).where(Organization.id == Bind("id")))
    row = query.run(database, {"id": organization_id}).fetchone()
    return Beat(0, is_halted=True) if row is None else beat_of(*row)
