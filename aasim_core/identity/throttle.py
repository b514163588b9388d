"""Throttling of failures: after some free ones, each further one doubles the wait before the next attempt."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from math import ceil

import peewee

from ..clock import now, to_text
from ..errors import Refused
from .records import Throttle


@dataclass(frozen=True)
class Bucket:
    """The bucket that failures are counted in: the name of the `limit`, its owner (`scope`, `of`), and the number of free ones.

    `of` begins with an id that responses may show, and is hashed before it is stored. `reason` is shown to callers who have to wait.
    """

    limit: str
    scope: str
    of: tuple[str, ...]
    free: int
    reason: str = "Too many attempts failed"

    @property
    def id(self) -> str:
        """The key of the bucket's row."""
        return sha256("\0".join((self.limit, self.scope, *self.of)).encode()).hexdigest()


def require_patience(buckets: Sequence[Bucket]) -> None:
    """Refused ``too_many_attempts`` while any of the buckets must wait, whatever the attempt."""
    known, moment = {bucket.id: bucket for bucket in buckets}, now()
    blocked = Throttle.select().where(Throttle.id.in_(list(known)), Throttle.blocked_until > moment)
    longest = max(blocked, key=lambda row: row.blocked_until, default=None)
    if longest is not None:
        raise _too_many(known[longest.id], longest, moment)


def _too_many(bucket: Bucket, row: Throttle, moment: datetime) -> Refused:
    seconds = ceil((row.blocked_until - moment).total_seconds())
    meta = {
        "limit": bucket.limit, "scope": bucket.scope, "scope_id": bucket.of[0], "used": row.failures, "max": bucket.free,
        "resets_at": to_text(row.blocked_until),
    }  # fmt: skip
    return Refused("too_many_attempts", f"{bucket.reason}; try again in {seconds} s.", retry_after=seconds, meta=meta)


def count_failure(buckets: Sequence[Bucket], window_seconds: int) -> None:
    """Count a failure in each bucket. Failures older than the window are dropped. Needs a transaction."""
    moment = now()
    for bucket in sorted(buckets, key=lambda each: each.id):
        failures = _one_more(bucket.id, moment, moment - timedelta(seconds=window_seconds))
        blocked_until = _blocked_until(moment, failures - bucket.free, window_seconds)
        Throttle.update(blocked_until=blocked_until).where(Throttle.id == bucket.id).execute()


def forget(buckets: Sequence[Bucket]) -> None:
    """Reset the buckets after a success. Needs a transaction."""
    Throttle.delete().where(Throttle.id.in_([bucket.id for bucket in buckets])).execute()


def forget_old(before: datetime) -> int:
    """Delete buckets without a failure since `before`; returns their number. Needs a transaction."""
    return int(Throttle.delete().where(Throttle.last_failure_at < before).execute())


def _one_more(bucket_id: str, moment: datetime, forgotten: datetime) -> int:
    """Count in one statement, so that concurrent failures all count; returns the new number."""
    counted = peewee.Case(None, [(Throttle.last_failure_at < forgotten, 1)], Throttle.failures + 1)
    Throttle.insert(id=bucket_id, failures=1, last_failure_at=moment).on_conflict(
        conflict_target=[Throttle.id], update={Throttle.failures: counted, Throttle.last_failure_at: moment}
    ).execute()
    return int(Throttle.select(Throttle.failures).where(Throttle.id == bucket_id).scalar())


def _blocked_until(moment: datetime, excess: int, longest: int) -> datetime | None:
    """Return the wait: one second after the last free failure, doubled each time, up to `longest` seconds."""
    if excess < 0:
        return None
    return moment + timedelta(seconds=min(2 ** min(excess, 30), longest))
