"""A worker's knowledge of the jobs that wait: the organizations and priorities that have any, and from when on they are due."""

from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple


class Place(NamedTuple):
    """The jobs of one organization and priority that are due at `run_at` or later."""

    organization_id: str
    priority: int
    run_at: str


#: Where nothing waits: no organization has this id.
NOWHERE = Place("", 0, "")


class WaitingJobs:
    """The places where jobs were found to wait; threads share it."""

    def __init__(self) -> None:
        self._places: dict[str, dict[int, str]] = {}
        self._lock = Lock()

    def __bool__(self) -> bool:
        return bool(self._places)

    def add(self, places: Iterable[Place]) -> None:
        """Remember that jobs may wait there."""
        with self._lock:
            for organization_id, priority, run_at in places:
                known = self._places.setdefault(organization_id, {})
                known[priority] = min(run_at, known.get(priority, run_at))

    def remove(self, place: Place) -> None:
        """Forget the place: nothing waits there."""
        with self._lock:
            known = self._places.get(place.organization_id, {})
            known.pop(place.priority, None)
            if not known:
                self._places.pop(place.organization_id, None)

    def replace(self, place: Place) -> None:
        """What waits at the place is due at its `run_at` or later."""
        with self._lock:
            self._places.setdefault(place.organization_id, {})[place.priority] = place.run_at

    def next(self, last: str) -> Place:
        """Return the most urgent place of the organization that follows `last`, by id; `NOWHERE` if nothing waits."""
        with self._lock:
            if not self._places:
                return NOWHERE
            following = [organization_id for organization_id in self._places if organization_id > last]
            organization_id = min(following or self._places)
            return Place(organization_id, *max(self._places[organization_id].items()))
