"""The PostgreSQL connection pool: bounded size, bounded wait, and no lock held during network calls.

(peewee's own pool opens and probes connections under a lock, so that one unresponsive server makes every thread wait in turn for its
timeout.)
"""

import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from select import POLLIN, poll
from typing import Any

import peewee

#: A recently used connection is probed only if the server has sent something, because a probe costs a round trip.
_TRUSTED_SECONDS = 1.0
_IDLE_SECONDS = 600.0
# libpq's PQTRANS_IDLE and PQTRANS_UNKNOWN, as numbers: the driver is installed only for PostgreSQL.
_IDLE, _UNKNOWN = 0, 4


class Pool:
    """Idle open connections, newest last; at most `size` exist, in use or not."""

    def __init__(self, size: int, wait_seconds: float) -> None:
        # A tenth of a semaphore's time.
        self._slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._slots.put(None)
        self._wait_seconds = wait_seconds
        self._idle: deque[tuple[float, Any]] = deque()
        self._closed = False

    def take(self, open_one: Callable[[], Any]) -> Any:
        """Return a live connection, opened with `open_one` if necessary; OperationalError when none becomes free in time."""
        if not self._has_slot():
            raise peewee.OperationalError("no database connection is free")
        try:
            return self._reuse() or open_one()
        except BaseException:
            self._slots.put(None)
            raise

    def give_back(self, connection: Any) -> None:
        """Return the connection to the pool, unless it is broken, inside a transaction, or the pool is closed."""
        is_misplaced = is_lost(connection) or connection.aasim_only_reads
        if _is_idle(connection) and not is_misplaced and not self._closed:
            self._idle.append((time.monotonic(), connection))
        else:
            if is_misplaced:
                self._close_idle()  # the others are probably broken too, or lead to the same server
            connection.close()
        self._slots.put(None)

    def close(self) -> None:
        """Close the idle connections; those in use are closed when they are returned."""
        self._closed = True
        self._close_idle()

    def _has_slot(self) -> bool:
        try:
            self._slots.get(timeout=self._wait_seconds)
        except Empty:
            return False
        return True

    def _close_idle(self) -> None:
        while found := self._newest():
            found[1].close()

    def _reuse(self) -> Any:
        while found := self._newest():
            since, connection = found
            unused = time.monotonic() - since
            if unused < _IDLE_SECONDS and ((unused < _TRUSTED_SECONDS and not has_news(connection)) or answers(connection)):
                return connection
            connection.close()
        return None

    def _newest(self) -> tuple[float, Any] | None:
        try:
            return self._idle.pop()
        except IndexError:
            return None


def has_news(connection: Any) -> bool:
    """Return whether the server has sent unsolicited data or closed the connection; takes no round trip."""
    if connection.closed:
        return True
    events = poll()
    events.register(connection.pgconn.socket, POLLIN)
    return bool(events.poll(0))


def answers(connection: Any) -> bool:
    """Return whether the server answers over the connection."""
    import psycopg

    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _is_idle(connection: Any) -> bool:
    return bool(connection.pgconn.transaction_status == _IDLE)


def is_lost(connection: Any) -> bool:
    """Return whether the connection is broken, so that the server's last response may be missing."""
    return bool(connection.pgconn.transaction_status == _UNKNOWN)
