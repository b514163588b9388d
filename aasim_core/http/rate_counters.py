"""Sliding windows of one minute: counted in this process's memory, or in Redis for all processes.

The previous window's count is weighted by how much of it the last 60 seconds still cover. The in-memory version is our own, because the
`limits` package's storage iterates over all keys up to a hundred times a second: with 100,000 networks a hit costs 0.8 ms.
"""

import math
import threading
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import structlog

WINDOW = 60
# Beyond this many keys a newcomer shares one counter with the other newcomers, so that rotating addresses cannot fill the memory.
_MOST_KEYS = 100_000
_RETRY_REDIS_AFTER = 5.0

_log = structlog.get_logger("aasim.limits")


class Usage(NamedTuple):
    """The state of one counter after a hit: whether it was allowed, the used amount, and the seconds until there is room."""

    allowed: bool
    used: int
    wait: int


class Windows(Protocol):
    """Where hits are counted."""

    def hit(self, key: str, most: int) -> Usage:
        """Count one hit of `key`, unless it would exceed `most` in the last 60 seconds."""


class MemoryWindows:
    """Counters of this process; about one microsecond a hit."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._window = 0
        self._now: dict[str, int] = {}
        self._before: dict[str, int] = {}

    def hit(self, key: str, most: int) -> Usage:
        """See `Windows`."""
        window, elapsed = divmod(self._clock(), WINDOW)
        with self._lock:
            if window != self._window:
                self._turn(int(window))
            if key not in self._now and key not in self._before and len(self._now) >= _MOST_KEYS:
                key = ""
            current, before = self._now.get(key, 0), self._before.get(key, 0)
            used = _used(before, elapsed, current)
            if used < most:
                self._now[key] = current + 1
                return Usage(True, used + 1, math.ceil(WINDOW - elapsed))
        return Usage(False, used, _seconds_until_room(before, elapsed, current, most))

    def _turn(self, window: int) -> None:
        self._before = self._now if window == self._window + 1 else {}
        self._now, self._window = {}, window


class RedisWindows:
    """Counters shared by all processes; falls back to memory while Redis does not answer, and logs it."""

    def __init__(self, url: str) -> None:
        # Not at the top: only those who use Redis have its client installed.
        from limits.storage import storage_from_string

        self._storage: Any = storage_from_string(url, wrap_exceptions=True, socket_timeout=0.25, socket_connect_timeout=0.25)
        self._fallback = MemoryWindows()
        self._down_until = 0.0

    def hit(self, key: str, most: int) -> Usage:
        """See `Windows`."""
        from limits.errors import StorageError

        if time.monotonic() < self._down_until:
            return self._fallback.hit(key, most)
        try:
            allowed = self._storage.acquire_sliding_window_entry(f"aasim/sliding/{key}", most, WINDOW, 1)
            before, left, current, expires = self._storage.get_sliding_window(f"aasim/sliding/{key}", WINDOW)
        except StorageError:
            self._down_until = time.monotonic() + _RETRY_REDIS_AFTER
            _log.warning("rate limits are counted in memory: Redis does not answer")
            return self._fallback.hit(key, most)
        # A window's counter outlives it by one window, in which it is the window before.
        elapsed = WINDOW - left if before else min(max(0, 2 * WINDOW - expires), WINDOW)
        used = _used(before, elapsed, current)
        wait = math.ceil(WINDOW - elapsed) if allowed else _seconds_until_room(before, elapsed, current, most)
        return Usage(allowed, used, wait)


def windows_at(url: str) -> Windows:
    """The counters at `url`: ``memory://``, or ``redis://host:6379/1``."""
    return MemoryWindows() if url in ("", "memory://") else RedisWindows(url)


def _used(before: int, elapsed: float, current: int) -> int:
    return math.floor(before * (WINDOW - elapsed) / WINDOW + current) if before else current


def _seconds_until_room(before: int, elapsed: float, current: int, most: int) -> int:
    return math.floor(max(0, _wait(before, elapsed, current, most))) + 1


def _wait(before: int, elapsed: float, current: int, most: int) -> float:
    """Return the seconds until the weighted count falls below `most`."""
    if current < most:
        # Within this window, as the one before fades.
        return WINDOW - (most - current) * WINDOW / before - elapsed
    # In the next window, as this one fades.
    return WINDOW - elapsed + WINDOW - most * WINDOW / current
