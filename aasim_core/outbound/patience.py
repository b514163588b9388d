"""Waiting for a peer without losing control: a deadline for the whole call, and a way to end it at any moment."""

import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore2

#: How often, in seconds, it is asked whether to stop.
_POLL_SECONDS = 0.1
#: A connection that takes longer will not come about; it bounds how late a cancelled call ends.
CONNECT_SECONDS = 8.0
#: So much is written at once: a peer that takes little at a time does not keep the call from ending.
_WRITTEN_AT_ONCE = 16 * 1024
#: The most that a whole answer may weigh, as it comes over the wire.
_MOST_BYTES = 64 * 1024 * 1024


class Ended(Exception):
    """The call has to end; `sent` says whether the peer may have got some of it."""

    def __init__(self, *, sent: bool = True) -> None:
        super().__init__()
        self.sent = sent


class DeadlinePassed(Ended):
    """The call took longer than it may."""


class Stopped(Ended):
    """The call was asked to end."""


class TooLarge(Exception):
    """The peer sent more than any answer may weigh."""


class Patience:
    """How long, and for how much, the current call of a client may go on; `check` raises when it may not.

    `most_bytes` is what all answers to a call may weigh together, as they come over the wire, if not 64 MiB. `sent` says whether
    anything of the call was written to the peer, and `connected` whether a connection was made for it.
    """

    def __init__(self, most_bytes: int | None = None) -> None:
        self._most_bytes = most_bytes
        self.begin(float("inf"), lambda: False)

    def begin(self, seconds: float, should_stop: Callable[[], bool]) -> None:
        """Start a call that may take `seconds`; `should_stop` is asked in the caller's thread, at most ten times a second."""
        self._deadline = time.monotonic() + seconds
        self._should_stop = should_stop
        self._asked = float("-inf")
        self._bytes = 0
        self.sent = self.connected = False

    def check(self) -> None:
        """Raise `DeadlinePassed` or `Stopped` if the call has to end."""
        now = time.monotonic()
        if now >= self._deadline:
            raise DeadlinePassed(sent=self.sent)
        if now - self._asked >= _POLL_SECONDS:
            self._asked = now
            if self._should_stop():
                raise Stopped(sent=self.sent)

    def weigh(self, data: bytes) -> bytes:
        """Count what came; raises `TooLarge`."""
        self._bytes += len(data)
        if self._bytes > (self._most_bytes or _MOST_BYTES):
            raise TooLarge
        return data

    def slice(self, at_most: float = _POLL_SECONDS) -> float:
        """How many seconds to wait before the next `check`."""
        return max(0.001, min(at_most, self._deadline - time.monotonic()))

    @contextmanager
    def bounding(self) -> Iterator[float]:
        """How many seconds a step may take that cannot be cut into slices; raises as `check` if it timed out since the call ended."""
        self.check()
        try:
            yield self.slice(CONNECT_SECONDS)
        except httpcore2.TimeoutException:
            self.check()
            raise


class PatientBackend(httpcore2.NetworkBackend):
    """Sockets whose waits are cut into slices, with a look at `patience` between them.

    The time-outs of HTTP clients are per socket operation: a peer that drips a byte now and then outlasts them all, and a blocked
    read cannot be ended by anybody.
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
        """Connect within what is left of the call."""
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
