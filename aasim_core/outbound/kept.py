"""A client whose connections are kept for a while, for whoever sends many requests to the same few addresses."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any

import httpx2

from .client import guarded_client
from .egress import Egress
from .patience import Patience

#: How many connections are kept at most, and for how long: less than most servers wait for the next request.
_MOST, _SECONDS = 20, 4.0
#: What a connection says that the other side had closed.
_CLOSED = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)


class _Line:
    """A connection to one place, or none yet, and the patience of the call that uses it."""

    def __init__(self, place: str, egress: Egress, most_bytes: int) -> None:
        self.place = place
        self.patience = Patience(most_bytes)
        no_cookies = CookieJar(DefaultCookiePolicy(allowed_domains=()))
        self.client = guarded_client(egress, self.patience, cookies=no_cookies)
        self.idle_since = 0.0

    def answer(self, request: httpx2.Request) -> httpx2.Response:
        """Send the request, once more where the kept connection turns out to be closed."""
        try:
            return self.client.send(request, stream=True)
        except _CLOSED:
            if self.patience.connected:
                raise
            return self.client.send(request, stream=True)


class KeptClient:
    """A guarded client for many threads, whose answers may weigh `most_bytes` each.

    A connection goes to the address that was checked when it was made, and serves requests to the same scheme, host and port, one after
    the other. No cookies are kept.
    """

    def __init__(self, egress: Egress, most_bytes: int) -> None:
        self._egress, self._most_bytes = egress, most_bytes
        self._lock = threading.Lock()
        self._idle: list[_Line] = []

    @contextmanager
    def stream(
        self, method: str, url: str, *, seconds: float, should_stop: Callable[[], bool], **options: Any
    ) -> Iterator[httpx2.Response]:
        """Send one request, which may take `seconds` with the reading of the answer; `options` and errors are those of `guarded_client`.

        It is sent once more where a kept connection turns out to be closed; the other side may then see it twice.
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
        """The line to that place that was used last, or a new one."""
        place = _place_of(url)
        with self._lock:
            number = next((n for n in reversed(range(len(self._idle))) if self._idle[n].place == place), None)
            if number is not None:
                return self._idle.pop(number)
        return _Line(place, self._egress, self._most_bytes)

    def _put_back(self, line: _Line) -> None:
        """Keep the line for the next request, and close what is kept for too long, or is too much."""
        line.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(line)
            count = sum(each.idle_since < line.idle_since - _SECONDS for each in self._idle)
            old = self._idle[: max(count, len(self._idle) - _MOST)]
            del self._idle[: len(old)]
        for each in old:
            each.client.close()

    def close(self) -> None:
        """Close the connections that are kept."""
        with self._lock:
            idle, self._idle = self._idle, []
        for line in idle:
            line.client.close()


def _place_of(url: str) -> str:
    """Scheme, host and port, as they are written; empty for what is no URL, which the request tells."""
    return "/".join(url.split("/", 3)[:3])
