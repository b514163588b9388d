"""What a worker must know of an organization all the time: whether its rights changed, and whether it is halted."""

import time
from typing import NamedTuple

from ..data.records import database_of
from ..data.statements import Bind
from .records import ACTIVE, Organization

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

    def forget(self, organization_id: str) -> None:
        """Look again at the next question: something was changed in this process."""
        self._beats.pop(organization_id, None)


def _read(organization_id: str) -> Beat:
    database = database_of(Organization)
    query = database.statement("pulse", _query)
    row = query.run(database, {"id": organization_id}).fetchone()
    return Beat(0, is_halted=True) if row is None else Beat(row[0], is_halted=row[1] is not None or row[2] != ACTIVE)


def _query() -> object:
    return Organization.select(Organization.authz_epoch, Organization.halted_at, Organization.status).where(
        Organization.id == Bind("id")
    )
