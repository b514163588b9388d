"""The pool of PostgreSQL connections: a bound on how many, a bound on the wait, and no lock held while the network answers.

(peewee's own pool opens and probes connections under a lock, so that one server that does not answer makes every thread wait in
turn for its time-out.)
"""

import time
from collections import deque
from collections.abc import Callable
from queue import Empty, SimpleQueue
from select import POLLIN, poll
from typing import Any

import peewee

#: A connection that was used a moment ago is asked whether it lives only if the server has sent something: to ask takes a round trip.
_TRUSTED_SECONDS = 1.0
_IDLE_SECONDS = 600.0
# libpq's PQTRANS_IDLE and PQTRANS_UNKNOWN, by their numbers: the driver is there on PostgreSQL only.
_IDLE, _UNKNOWN = 0, 4


class Pool:
    """Open connections that nobody uses, newest last; at most `size` exist, in use or not."""

    def __init__(self, size: int, wait_seconds: float) -> None:
        # Takes a tenth of a semaphore's time.
        self._slots: SimpleQueue[None] = SimpleQueue()
        for _ in range(size):
            self._slots.put(None)
        self._wait_seconds = wait_seconds
        self._idle: deque[tuple[float, Any]] = deque()
        self._closed = False

    def take(self, open_one: Callable[[], Any]) -> Any:
        """A living connection, a fresh one of `open_one` if need be; OperationalError when none gets free in time."""
        if not self._has_slot():
            raise peewee.OperationalError("no database connection is free")
        try:
            return self._reuse() or open_one()
        except BaseException:
            self._slots.put(None)
            raise

    def give_back(self, connection: Any) -> None:
        """Keep the connection for the next one, unless it is broken or in the middle of something, or the pool is closed."""
        is_misplaced = is_lost(connection) or connection.aasim_only_reads
        if _is_idle(connection) and not is_misplaced and not self._closed:
            self._idle.append((time.monotonic(), connection))
        else:
            if is_misplaced:
                self._close_idle()  # the others are probably cut, too, or lead to the same server
            connection.close()
        self._slots.put(None)

    def close(self) -> None:
        """Close what nobody uses; what is in use is closed when it is given back."""
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
    """Whether the server has sent something unasked, or has closed the connection; this takes no round trip."""
    if connection.closed:
        return True
    events = poll()
    events.register(connection.pgconn.socket, POLLIN)
    return bool(events.poll(0))


def answers(connection: Any) -> bool:
    """Whether the server answers over the connection."""
    import psycopg

    try:
        connection.execute("SELECT 1")
    except psycopg.Error:
        return False
    return True


def _is_idle(connection: Any) -> bool:
    return bool(connection.pgconn.transaction_status == _IDLE)


def is_lost(connection: Any) -> bool:
    """Whether the connection is broken; so the server's last words on what it was asked for may be missing."""
    return bool(connection.pgconn.transaction_status == _UNKNOWN)
