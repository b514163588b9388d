"""Retry through short storage outages: a thread retries its work over new connections until its timeout ends."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeVar

from .faults import Unconfirmed, fault_of

_T = TypeVar("_T")
_FIRST_PAUSE, _LONGEST_PAUSE = 0.1, 2.0


class Patience:
    """How long this thread waits for an unavailable storage: this many seconds since the outage began, while `goes_on` returns True."""

    def __init__(self, seconds: float, goes_on: Callable[[], bool]) -> None:
        self._seconds, self._goes_on = seconds, goes_on
        self._away_since: float | None = None

    def waits(self) -> bool:
        """Wait a moment unless the timeout has passed; returns whether it waited."""
        moment = time.monotonic()
        if self._away_since is None:
            self._away_since = moment
        away = moment - self._away_since
        if away >= self._seconds or not self._goes_on():
            return False
        time.sleep(min(max(away, _FIRST_PAUSE), _LONGEST_PAUSE))
        return True

    def renew(self) -> None:
        """Reset the timeout: the storage works."""
        self._away_since = None


_patience: ContextVar[Patience | None] = ContextVar("aasim_patience", default=None)


@contextmanager
def patient(seconds: float, goes_on: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """Give this thread a timeout for outages inside the block; 0 seconds disables retries."""
    token = _patience.set(Patience(seconds, goes_on))
    try:
        yield
    finally:
        _patience.reset(token)


def persist(work: Callable[[], _T], is_committed: Callable[[], bool] | None = None) -> _T | None:
    """Run `work` and return its result; retry after storage failures until this thread's timeout.

    It is a read, or a transaction that changes nothing but rows and what `ScopedDatabase.on_rollback` restores. `is_committed` tells
    whether the last unconfirmed commit succeeded; if so, None is returned. Without it, `Unconfirmed` is raised.
    """
    doubt: Unconfirmed | None = None
    while True:
        try:
            if doubt is not None and is_committed is not None and _is_settled(doubt, is_committed()):
                return None
            doubt = None
            result = work()
        except Exception as error:
            doubt = error if isinstance(error, Unconfirmed) else doubt
            if not _may_be_repeated(error, is_committed is not None):
                raise
        else:
            if (patience := _patience.get()) is not None:
                patience.renew()
            return result


def _may_be_repeated(error: Exception, can_tell: bool) -> bool:
    patience, fault = _patience.get(), fault_of(error)
    if patience is None or fault is None or (fault == "unconfirmed" and not can_tell):
        return False
    return patience.waits()


def _is_settled(doubt: Unconfirmed, is_committed: bool) -> bool:
    """Resolve an unconfirmed transaction by its outcome in the database; returns whether it was committed."""
    if doubt.transaction is not None:
        doubt.transaction.end(committed=is_committed)
    return is_committed
