"""The HTTP client for external URLs: it is restricted to allowed addresses, and limits the time and size of every response."""

import os
import ssl
import time
from collections.abc import Iterable, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import anyio.to_thread
import httpcore2
import httpx2

from ..context import current_request_id, current_traceparent
from ..version import VERSION
from .deadlines import CONNECT_SECONDS, Patience, PatientBackend
from .egress import UNANSWERED, Egress, GuardedBackend, attempts, refuse_held

# A compressed response is larger than its counted bytes, so compression is never requested.
_HEADERS = {"User-Agent": f"aasim/{VERSION}", "Accept-Encoding": "identity"}
_POOL: Mapping[str, Any] = MappingProxyType({"max_connections": 4})
_TRUSTED_SECONDS = 600
#: Names the request for which another one is made.
CAUSE = "Aasim-Cause"


def guarded_client(egress: Egress, patience: Patience, *, pool: Mapping[str, Any] = _POOL, **options: Any) -> httpx2.Client:
    """A client whose requests go where `egress` permits, within the limits of `patience`; `options` are those of httpx.

    It follows no redirects and reads no environment variables. It raises httpx's errors, `NotAllowed`, and those of `patience`. `pool` sets
    the number of connections that it opens and keeps alive, as in httpcore.
    """
    return httpx2.Client(**client_options(egress, patience, pool), **options)


def client_options(egress: Egress, patience: Patience, pool: Mapping[str, Any] = _POOL) -> dict[str, Any]:
    """Return the keywords for a library that creates httpx's client itself."""
    return {"transport": GuardedTransport(egress, patience, pool), **_options()}


def guarded_async_client(transport: "GuardedAsyncTransport", headers: dict[str, str]) -> httpx2.AsyncClient:
    """Return the same for async-only libraries, with these additional `headers`."""
    options = _options()
    return httpx2.AsyncClient(transport=transport, **{**options, "headers": {**options["headers"], **headers}})


def _options() -> dict[str, Any]:
    return {"trust_env": False, "timeout": None, "headers": dict(_HEADERS)}


class GuardedTransport(httpx2.HTTPTransport):
    """httpx's own transport over guarded sockets."""

    def __init__(self, egress: Egress, patience: Patience, pool: Mapping[str, Any] = _POOL) -> None:
        # Not the base's: it creates a pool that cannot be given sockets. All its methods use only the pool.
        backend = PatientBackend(patience, GuardedBackend(egress, patience.check))
        self._pool = httpcore2.ConnectionPool(_tls(), network_backend=backend, **pool)

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        return _plain(super().handle_request(_leaving(request)))


class GuardedAsyncTransport(httpx2.AsyncHTTPTransport):
    """httpx's own asynchronous transport over guarded sockets.

    Bytes are counted here; the caller checks `patience` for the time, since no thread waits in a socket.
    """

    def __init__(self, egress: Egress, patience: Patience) -> None:
        backend = _GuardedAsyncBackend(egress, patience)
        self._pool = httpcore2.AsyncConnectionPool(_tls(), network_backend=backend, **_POOL)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send one request."""
        return _plain(await super().handle_async_request(_leaving(request)))


def _tls() -> ssl.SSLContext:
    """Return the trusted certificates. Loading them takes longer than a request, and they change, so they are reloaded periodically."""
    return _tls_of(int(time.monotonic() / _TRUSTED_SECONDS), os.environ.get("SSL_CERT_FILE"), os.environ.get("SSL_CERT_DIR"))


@lru_cache(maxsize=2)
def _tls_of(period: int, *places: str | None) -> ssl.SSLContext:
    return httpcore2.default_ssl_context()


def _leaving(request: httpx2.Request) -> httpx2.Request:
    """Return the request with the caller's trace context, and the id of the request that it is made for, by which an installation
    recognises what it has caused itself; raises `Held` while nothing may leave the installation.
    """
    refuse_held()
    request.headers.pop(CAUSE, None)
    if request_id := current_request_id():
        request.headers[CAUSE] = request_id
    if traceparent := current_traceparent():
        request.headers["traceparent"] = traceparent
    return request


def _plain(response: httpx2.Response) -> httpx2.Response:
    if response.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise httpx2.RemoteProtocolError("the response is compressed, although compression was not requested")
    return response


class _GuardedAsyncBackend(httpcore2.AsyncNetworkBackend):
    """Names are resolved and checked as in `GuardedBackend`, in a thread, because resolving blocks."""

    def __init__(self, egress: Egress, patience: Patience) -> None:
        self._egress, self._patience = egress, patience
        self._inner = httpcore2.AnyIOBackend()

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        try:
            addresses = await anyio.to_thread.run_sync(self._egress.resolve, host, port, abandon_on_cancel=True)
        except (OSError, UnicodeError) as error:
            raise httpcore2.ConnectError(f"{host} has no address") from error
        failure: Exception = httpcore2.ConnectError(f"{host} has no address")
        for address, share in attempts(addresses, timeout or CONNECT_SECONDS, self._patience.check):
            try:
                return await self._connect(address, port, share)
            except UNANSWERED as error:
                failure = error
        raise failure

    async def _connect(self, address: str, port: int, timeout: float) -> httpcore2.AsyncNetworkStream:
        return _CountedStream(await self._inner.connect_tcp(address, port, timeout), self._patience)


class _CountedStream(httpcore2.AsyncNetworkStream):
    def __init__(self, inner: httpcore2.AsyncNetworkStream, patience: Patience) -> None:
        self._inner, self._patience = inner, patience

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._patience.weigh(await self._inner.read(max_bytes, timeout))

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._patience.sent = True
        await self._inner.write(buffer, timeout)

    async def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.AsyncNetworkStream:
        return _CountedStream(await self._inner.start_tls(ssl_context, server_hostname, timeout), self._patience)

    async def aclose(self) -> None:
        await self._inner.aclose()

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
