"""Claim the next job: organizations take turns, and of one organization's jobs the most urgent is the first, then the oldest.

One statement searches where jobs are known to wait, and then among those that have come since the last search. Its cost depends neither on
the number of jobs that wait nor on that of jobs that have ended.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from secrets import token_hex
from typing import TYPE_CHECKING, Any

import peewee
from peewee import SQL, fn

from ..clock import now, to_text
from ..data.statements import Bind
from .lease import COLUMNS, Lease
from .records import LEASED, READY, RECENT, JobRow
from .search_range import FULL_SECONDS, SearchRange
from .waiting_jobs import Place, WaitingJobs

if TYPE_CHECKING:
    from ..data.database import Database


class Claims:
    """One worker's claims, over a connection of their own where the database has one."""

    def __init__(self, database: "Database", owner: str) -> None:
        self._database = database
        self._for_claims = database.for_claims()
        self._owner = owner
        self._waiting = WaitingJobs()
        self._range = SearchRange()
        self._survey_at = 0.0
        self._turn = ""
        #: The kinds of jobs, as name and plugin, that are left to other workers.
        self._left: tuple[tuple[str, str], ...] = ()

    def leave(self, kind: tuple[str, str]) -> bool:
        """Claim no more jobs of this kind; returns whether it is the first time."""
        is_first = kind not in self._left
        if is_first:
            self._left += (kind,)
        return is_first

    def claim_again(self, is_known: Callable[[str, str], bool]) -> None:
        """Claim jobs again of the kinds, given by name and plugin, that are known by now."""
        self._left = tuple(kind for kind in self._left if not is_known(*kind))

    def may_have_ready(self) -> bool:
        """Return whether a claim is worthwhile: a check without locks. On PostgreSQL, a claim that finds nothing takes none either."""
        if self._database.for_update:
            return True
        with self._for_claims.connected():
            return self._for_claims.statement(_ready_query, self._left).run(self._for_claims, {}).fetchone() is not None

    def claim(self) -> Lease | None:
        """Claim the next ready job, of the next organization in turn; None when there is none. Needs a system scope."""
        with self._for_claims.connected():
            self._survey()
            while True:
                place = self._waiting.next(self._turn)
                if (lease := self._claimed(place)) is not None:
                    return lease
                self._waiting.remove(place)
                if not self._waiting and not self._survey():
                    return None

    def wait_at(self, lease: Lease) -> None:
        """Search again where the lease's job was found: another one there waits for its end."""
        if lease.place is not None:
            self._waiting.add([lease.place])

    def _survey(self) -> bool:
        """Find out at intervals where jobs wait; returns whether any do."""
        began = time.monotonic()
        if began < self._survey_at:
            return False
        self._survey_at = began + FULL_SECONDS
        with self._range.search() as since:
            places = self._for_claims.statement(_places_query, self._left).run(self._for_claims, {"since": since}).fetchall()
            self._waiting.add(Place(*place) for place in places)
        return bool(places)

    def _claimed(self, place: Place) -> Lease | None:
        """Claim a job at the place, or one that has come since the last search."""
        values = {"owner": self._owner, "token": token_hex(8), "moment": to_text(now()), "since": self._range.since}
        claim = self._for_claims.statement(_claim_query, self._left, self._for_claims.for_update)
        row = claim.run_alone(self._for_claims, {**values, **place._asdict()}, durable=False).fetchone()
        return None if row is None else self._taken(place, *row)

    def _taken(self, searched: Place, *row: Any) -> Lease:
        *columns, priority, run_at = row
        lease = Lease(*columns)
        found = lease.place = Place(lease.organization_id, priority, run_at)
        if found[:2] != searched[:2]:
            self._waiting.remove(searched)
        (self._waiting.remove if lease.is_last else self._waiting.replace)(found)
        self._turn = lease.organization_id
        lease.is_last = lease.is_last and not self._waiting
        return lease


# These statements run over the claims' connection, so they are not `compiled` for a record's database.


def _ready_query(left: Sequence[tuple[str, str]]) -> Any:
    return JobRow.select(SQL("1")).where(READY, *_none_of(left, JobRow)).limit(1)


def _places_query(left: Sequence[tuple[str, str]]) -> Any:
    """Search for the places of the jobs that came since the last search."""
    came = RECENT, JobRow.run_at >= Bind("since"), *_none_of(left, JobRow)
    place = JobRow.organization_id, JobRow.priority
    return JobRow.select(*place, fn.MIN(JobRow.run_at)).where(*came).group_by(*place)


def _claim_query(left: Sequence[tuple[str, str]], with_locks: bool) -> Any:
    changes = {
        JobRow.state: SQL("'running'"),
        JobRow.lease_owner: Bind("owner"),
        JobRow.lease_token: Bind("token"),
        JobRow.heartbeat_at: Bind("moment"),
        JobRow.started_at: Bind("moment"),
        JobRow.attempt: SQL("attempt + 1"),
    }
    # In a SELECT of its own, because row-level security prevents an index search for a COALESCE expression.
    next_one = peewee.Select([], [fn.COALESCE(*[_next_job(search, left, with_locks) for search in (_at_place, _recent)])])
    is_last = peewee.Expression(fn.COALESCE(*_others(left)), peewee.OP.IS, None)
    returned = *COLUMNS, is_last, JobRow.priority, JobRow.run_at
    return JobRow.update(changes).where(JobRow.id == next_one).returning(*returned)


def _at_place(job: Any) -> Sequence[Any]:
    same = job.organization_id == Bind("organization_id"), job.priority == Bind("priority")
    return READY, *same, job.run_at >= Bind("run_at")


def _recent(job: Any) -> Sequence[Any]:
    return RECENT, job.run_at >= Bind("since")


def _next_job(search: Callable[[Any], Sequence[Any]], left: Sequence[tuple[str, str]], with_locks: bool) -> Any:
    job, twin = JobRow.alias("job"), JobRow.alias("twin")
    same = (twin.organization_id == job.organization_id) & (twin.name == job.name) & (twin.unique_key == job.unique_key)
    # Without an offset, PostgreSQL might build a hash table of all jobs that run.
    free = job.unique_key.is_null() | ~fn.EXISTS(twin.select(SQL("1")).where(LEASED, same).limit(1).offset(0))
    query = job.select(job.id).where(*search(job), free, *_none_of(left, job)).order_by(job.run_at, job.id).limit(1)
    return query.for_update(skip_locked=True) if with_locks else query


def _others(left: Sequence[tuple[str, str]]) -> Iterator[Any]:
    """Search for another ready job: for the newest one, and for the next one at the same place."""
    other = JobRow.alias("other")
    same = other.organization_id == JobRow.organization_id, other.priority == JobRow.priority, other.run_at >= JobRow.run_at
    searches = (_recent(other), (other.run_at.desc(), other.id.desc())), ((READY, *same), (other.run_at, other.id))
    for found, order in searches:
        yield other.select(SQL("1")).where(*found, other.id != JobRow.id, *_none_of(left, other)).order_by(*order).limit(1)


def _none_of(kinds: Sequence[tuple[str, str]], job: Any) -> list[Any]:
    return [(job.name != name) | (job.plugin != plugin) for name, plugin in kinds]
