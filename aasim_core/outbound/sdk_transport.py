"""HTTP for the SDKs of services: one connection with limits, and only the headers that we mean to send."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType

import httpcore2
import httpx2

from ..context import current_traceparent
from ..secrets import Secret
from ..version import VERSION
from .deadlines import Patience, PatientBackend

# All others are removed. SDKs add headers from the process's environment (OPENAI_CUSTOM_HEADERS, ANTHROPIC_CUSTOM_HEADERS), which are the
# operator's: no tenant's server may see them.
_SENT = frozenset({b"host", b"accept", b"content-type", b"content-length", b"connection"})
_KEEP_ALIVE_SECONDS = 4.0


class PatientTransport(httpx2.BaseTransport):
    """Sends requests over sockets made by `backend`, within the limits of `patience`, with `key` as the bearer token.

    `also` are additional headers that the service needs; `key_header` is the header for the key, if not Authorization.
    """

    def __init__(
        self,
        patience: Patience,
        backend: httpcore2.NetworkBackend,
        key: Secret | None,
        also: Mapping[str, str] = MappingProxyType({}),
        *,
        key_header: str | None = None,
    ) -> None:
        self._pool = httpcore2.ConnectionPool(
            max_connections=1, keepalive_expiry=_KEEP_ALIVE_SECONDS, network_backend=PatientBackend(patience, backend)
        )
        self._key, self._key_header = key, key_header
        self._also = tuple((name.encode(), value.encode()) for name, value in also.items())

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request; errors are httpcore's own."""
        url = httpcore2.URL(
            scheme=request.url.raw_scheme, host=request.url.raw_host, port=request.url.port, target=request.url.raw_path
        )
        headers = [(name, value) for name, value in request.headers.raw if name.lower() in _SENT]
        headers += self._own_headers()
        answer = self._pool.handle_request(httpcore2.Request(request.method, url, headers=headers, content=request.read()))
        return httpx2.Response(answer.status, headers=answer.headers, stream=_Body(answer), extensions=answer.extensions)

    def close(self) -> None:
        """Close the connection."""
        self._pool.close()

    def _own_headers(self) -> list[tuple[bytes, bytes]]:
        traceparent = current_traceparent()
        traced = [(b"traceparent", traceparent.encode())] if traceparent else []
        return [(b"User-Agent", f"aasim/{VERSION}".encode()), *traced, *self._also, *self._credential()]

    def _credential(self) -> list[tuple[bytes, bytes]]:
        if self._key is None:
            return []
        key = self._key.reveal()
        return [(self._key_header.encode(), key.encode())] if self._key_header else [(b"Authorization", f"Bearer {key}".encode())]


class _Body(httpx2.SyncByteStream):
    def __init__(self, answer: httpcore2.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        yield from self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()
