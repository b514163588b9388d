"""Cross-origin requests (Fetch standard, CORS protocol): pages of the configured origins may call the API, no others.

Routes outside the API may be called where their protocol permits it.
"""

from collections.abc import Sequence
from typing import Any

from ..http.protocols import Protocol, protocol_at
from ..http.request import Request, Response

_METHODS = "GET, HEAD, POST, PUT, PATCH, DELETE"
_REQUEST_HEADERS = (
    "Authorization, Content-Type, Idempotency-Key, If-Match, If-None-Match, Last-Event-ID, Mcp-Method, Mcp-Name, "
    "MCP-Protocol-Version, Prefer, traceparent, X-Organization-Id, X-Request-Id"
)
_ANSWER_HEADERS = (
    "Content-Disposition, Deprecation, ETag, Idempotency-Replayed, Link, Location, Preference-Applied, RateLimit, "
    "RateLimit-Policy, Retry-After, Sunset, X-RateLimit-Limit, X-RateLimit-Remaining, X-RateLimit-Reset, X-Request-Id"
)
_PREFLIGHT_SECONDS = 600


class Cors:
    """Middleware that answers preflight requests and marks answers; `origins` may be ``*`` alone.

    Credentials are in the Authorization header only, so cookies are never allowed.
    """

    def __init__(self, origins: Sequence[str], protocols: Sequence[Protocol] = ()) -> None:
        self._any = "*" in origins
        self._protocols = protocols
        self._origins = frozenset(origins)

    def process_request(self, req: Request, resp: Response) -> None:
        """Answer a preflight request before anything asks for a credential, which it cannot have."""
        if req.method != "OPTIONS" or not self._allows(req) or req.get_header("Access-Control-Request-Method") is None:
            return
        resp.set_headers(
            {
                "Access-Control-Allow-Methods": _METHODS,
                "Access-Control-Allow-Headers": _REQUEST_HEADERS,
                "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
            }
        )
        resp.status = 204
        resp.complete = True

    def process_response(self, req: Request, resp: Response, resource: Any, succeeded: bool) -> None:
        """Let the page read the answer, and keep caches from giving one origin's answer to another."""
        if not self._any:
            resp.append_header("Vary", "Origin")
        if self._allows(req):
            origin = req.get_header("Origin") or ""
            resp.set_header("Access-Control-Allow-Origin", "*" if self._any else origin)
            resp.set_header("Access-Control-Expose-Headers", _ANSWER_HEADERS)

    def _allows(self, req: Request) -> bool:
        origin = req.get_header("Origin")
        return origin is not None and (self._any or origin in self._origins) and protocol_at(req.path, self._protocols).cors
