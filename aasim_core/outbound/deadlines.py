"""Limits of a call to a peer: a deadline for the whole call, and cancellation at any moment."""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2

#: Interval, in seconds, at which cancellation is checked.
_POLL_SECONDS = 0.1
#: Timeout for connecting; it bounds how late a cancelled call ends.
CONNECT_SECONDS = 8.0
#: Bytes per write: a slow peer does not delay the end of the call.
_WRITTEN_AT_ONCE = 16 * 1024
#: Maximum size of a response in bytes on the wire.
_MOST_BYTES = 64 * 1024 * 1024


class Ended(Exception):
    """The call must end; `sent` is whether the peer may have received part of it."""

    def __init__(self, *, sent: bool = True) -> None:
        super().__init__()
        self.sent = sent


class DeadlinePassed(Ended):
    """The call exceeded its deadline."""


class Stopped(Ended):
    """The call was cancelled."""


class TooLarge(Exception):
    """The peer sent more than a response may have."""


class Patience:
    """The limits of a client's current call in time and bytes; `check` raises when one is exceeded.

    `most_bytes` is the maximum size of all responses to a call together, on the wire, by default 64 MiB. `sent` is whether any of the call
    was written to the peer, and `connected` whether a connection was made for it.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most_bytes = most_bytes
        self.begin(float("inf"), lambda: False)

    def begin(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Start a call that may take `seconds`; `should_stop` is called in the caller's thread, at most ten times a second."""
        self._deadline = time.monotonic() + seconds
        self._should_stop = should_stop
        self._asked = float("-inf")
        self._bytes = 0
        self.sent = self.connected = False

    def check(self) -> None:
        """Raise `DeadlinePassed` or `Stopped` if the call must end."""
        now = time.monotonic()
        if now >= self._deadline:
            raise DeadlinePassed(sent=self.sent)
        if now - self._asked >= _POLL_SECONDS:
            self._asked = now
            if self._should_stop():
                raise Stopped(sent=self.sent)

    def weigh(self, data: bytes) -> bytes:
        """Count received bytes; raises `TooLarge`."""
        self._bytes += len(data)
        if self._bytes > (self._most_bytes or _MOST_BYTES):
            raise TooLarge
        return data

    def slice(self, at_most: float = _POLL_SECONDS) -> float:
        """Return how many seconds to wait before the next `check`."""
        return max(0.001, min(at_most, self._deadline - time.monotonic()))

    @contextmanager
    def bounding(self) -> Iterator[float]:
        """Return how many seconds an indivisible step may take; raises as `check` if it timed out because the call has ended."""
        self.check()
        try:
            yield self.slice(CONNECT_SECONDS)
        except httpcore2.TimeoutException:
            self.check()
            raise


class PatientBackend(httpcore2.NetworkBackend):
    """Sockets whose waits are split into slices, checking `patience` between them.

    The timeouts of HTTP clients apply per socket operation: a peer that drips bytes outlasts them all, and a blocked read cannot be
    cancelled.
    """

    def __init__(self, patience: Patience, inner: httpcore2.NetworkBackend) -> None:
        self._patience = patience
        self._inner = inner

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect within the remaining time of the call."""
        self._patience.connected = True
        with self._patience.bounding() as seconds:
            return _PatientStream(self._inner.connect_tcp(host, port, seconds, local_address, socket_options), self._patience)


class _PatientStream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream, patience: Patience) -> None:
        self._inner = inner
        self._patience = patience

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            self._patience.check()
            try:
                return self._patience.weigh(self._inner.read(max_bytes, self._patience.slice()))
            except httpcore2.ReadTimeout:
                continue

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), _WRITTEN_AT_ONCE):
            with self._patience.bounding() as seconds:
                self._patience.sent = True
                self._inner.write(buffer[start : start + _WRITTEN_AT_ONCE], seconds)

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        with self._patience.bounding() as seconds:
            return _PatientStream(self._inner.start_tls(ssl_context, server_hostname, seconds), self._patience)

    def close(self) -> None:
        self._inner.close()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
