"""A client that keeps connections alive, for many requests to the same few addresses."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from .client import guarded_client
from .deadlines import Patience
from .egress import Egress

#: Maximum number of connections and their keep-alive time, which is shorter than that of most servers.
_MOST, _SECONDS = 20, 4.0
#: Errors of a connection that the peer had closed.
_CLOSED = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)


class _Line:
    """A connection to one address, or none yet, and the limits of the call that uses it."""

    def __init__(self, place: str, egress: Egress, most_bytes: int) -> None:
        self.place = place
        self.patience = Patience(most_bytes)
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self.client = guarded_client(egress, self.patience, cookies=no_cookies)
        self.idle_since = 0.0

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request, and retry once if the reused connection turns out to be closed."""
        try:
            return self.client.send(request, stream=True)
        except _CLOSED:
            if self.patience.connected:
                raise
            return self.client.send(request, stream=True)


class KeptClient:
    """A guarded client for many threads, whose responses may have `most_bytes` each.

    A connection goes to the address that was checked when it was opened, and serves requests to the same scheme, host and port in sequence.
    Cookies are not stored.
    """

    def __init__(self, egress: Egress, most_bytes: int) -> None:
        self._egress, self._most_bytes = egress, most_bytes
        self._lock = threading.Lock()
        self._idle: list[_Line] = []

    @contextmanager
    def stream(
        self, method: str, url: str, *, seconds: float, should_stop: Callable[[], bool], **options: Any
    ) -> Iterator[httpx2.Response]:
        """Send one request, which may take `seconds` including the reading of the response; `options` and errors are those of
        `guarded_client`.

        It is sent again if a reused connection turns out to be closed; the peer may then see it twice.
        """
        line = self._take(url)
        line.patience.begin(seconds, should_stop)
        try:
            response = line.answer(line.client.build_request(method, url, **options))
            try:
                yield response
            finally:
                response.close()
        finally:
            self._put_back(line)

    def _take(self, url: str) -> _Line:
        """Return the most recently used connection to that address, or a new one."""
        place = _place_of(url)
        with self._lock:
            number = next((n for n in reversed(range(len(self._idle))) if self._idle[n].place == place), None)
            if number is not None:
                return self._idle.pop(number)
        return _Line(place, self._egress, self._most_bytes)

    def _put_back(self, line: _Line) -> None:
        """Keep the connection for the next request, and close idle ones that are too old or too many."""
        line.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(line)
            count = sum(each.idle_since < line.idle_since - _SECONDS for each in self._idle)
            old = self._idle[: max(count, len(self._idle) - _MOST)]
            del self._idle[: len(old)]
        for each in old:
            each.client.close()

    def close(self) -> None:
        """Close the idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.client.close()


def _place_of(url: str) -> str:
    """Return scheme, host and port as written; empty for an invalid URL, which the request reports."""
    return "/".join(url.split("/", 3)[:3])
