"""Rate limits: requests per minute of a network, a principal and an organization, and concurrent requests of a principal.

Disabled, they cost nothing; in memory about four microseconds a request; in Redis four round trips. Concurrent requests, and counters in
memory, are counted per process: with several processes a caller has a multiple of the allowance.
"""

import ipaddress
import threading
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

from ..clock import now, to_text
from ..errors import Refused
from .rate_counters import WINDOW, Usage, Windows, windows_at

if TYPE_CHECKING:
    from ..settings import Settings
    from ..tenancy.principal import Caller


class RateLimited(Refused):
    """Too many requests; `headers` describe the limit."""

    def __init__(self, limit: str, scope: str, scope_id: str, most: int, usage: Usage) -> None:
        seconds = "1 second" if usage.wait == 1 else f"{usage.wait} seconds"
        meta = {
            "limit": limit,
            "scope": scope,
            "scope_id": scope_id,
            "used": usage.used,
            "max": most,
            "resets_at": to_text(now() + timedelta(seconds=usage.wait)),
        }
        super().__init__("rate_limited", f"Too many requests; wait {seconds}.", meta=meta, retry_after=usage.wait)
        self.headers = _headers(scope, most, usage)


class Limiter:
    """Counts requests, and refuses those beyond a limit."""

    def __init__(self, settings: "Settings", windows: Windows | None = None) -> None:
        self._section = settings.rate_limits
        self._windows = windows or windows_at(self._section.url)
        self._running: dict[str, int] = {}
        self._lock = threading.Lock()

    def check(self, caller: "Caller | None", address: str) -> Mapping[str, str]:
        """Count one request of `caller`, or of the network of `address` for an anonymous one.

        Returns the headers with the remaining allowance; raises `RateLimited`.
        """
        section = self._section
        if not section.enabled:
            return {}
        if caller is None:
            network, most = network_of(address), section.anonymous_per_minute
            return _headers("network", most, self._hit("network", network, network, most))
        most = min(caller.rate_limit or section.principal_per_minute, section.principal_per_minute)
        organization = caller.organization_id
        usage = self._hit("principal", f"{organization}/{caller.id}", caller.id, most)
        self._hit("organization", organization, organization, section.organization_per_minute)
        return _headers("principal", most, usage)

    def slot(self, caller: "Caller") -> AbstractContextManager[None]:
        """Count a concurrent request; entering raises `RateLimited` when there are too many."""
        if not self._section.enabled:
            return nullcontext()
        return _Slot(self, caller.id, self._section.concurrent_per_principal)

    def _hit(self, scope: str, key: str, scope_id: str, most: int) -> Usage:
        usage = self._windows.hit(f"{scope}/{key}", most)
        if not usage.allowed:
            raise RateLimited("requests_per_minute", scope, scope_id, most, usage)
        return usage

    def enter(self, key: str, most: int) -> None:
        """Count one more running request; raises `RateLimited` when there are `most`."""
        with self._lock:
            running = self._running.get(key, 0)
            if running >= most:
                raise RateLimited("concurrent_requests", "principal", key, most, Usage(False, running, 1))
            self._running[key] = running + 1

    def leave(self, key: str) -> None:
        """Uncount a finished request."""
        with self._lock:
            if (running := self._running.pop(key)) > 1:
                self._running[key] = running - 1


class _Slot(AbstractContextManager[None]):
    """A slot among the concurrent requests of one principal."""

    __slots__ = ("_key", "_limiter", "_most")

    def __init__(self, limiter: Limiter, key: str, most: int) -> None:
        self._limiter, self._key, self._most = limiter, key, most

    def __enter__(self) -> None:
        self._limiter.enter(self._key, self._most)

    def __exit__(self, *_: object) -> None:
        self._limiter.leave(self._key)


@lru_cache(maxsize=4096)
def network_of(address: str) -> str:
    """Return the network that an address counts for: /24 of IPv4, /64 of IPv6, the smallest assignment to a site (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped:
        parsed = parsed.ipv4_mapped
    return str(ipaddress.ip_network((parsed, 24 if parsed.version == 4 else 64), strict=False))


def _headers(scope: str, most: int, usage: Usage) -> Mapping[str, str]:
    """Return the headers of draft-ietf-httpapi-ratelimit-headers-09, and the older ones that many clients read."""
    left = max(0, most - usage.used)
    return {
        "RateLimit-Policy": f'"{scope}";q={most};w={WINDOW}',
        "RateLimit": f'"{scope}";r={left};t={usage.wait}',
        "X-RateLimit-Limit": str(most),
        "X-RateLimit-Remaining": str(left),
        "X-RateLimit-Reset": str(usage.wait),
    }
