"""What happens to every request, routed or not: its id, its line in the log, and the headers that every answer has."""

import re
import time
from typing import Any

import structlog
from uuid_utils import uuid7

from .request import Request, Response

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")
_log = structlog.get_logger("aasim.access")


class RequestLog:
    """Gives the request its id, and writes one line when the answer is ready."""

    def process_request(self, req: Request, resp: Response) -> None:
        """Take the client's ``X-Request-Id`` if it has the form of one, or make one."""
        given = req.get_header("X-Request-Id")
        req.request_id = given if given and _REQUEST_ID.fullmatch(given) else uuid7().hex
        req.started = time.perf_counter()

    def process_response(self, req: Request, resp: Response, resource: Any, succeeded: bool) -> None:
        """Add the headers, and log method, route, status and time, but no path, query or body."""
        resp.set_headers(
            {"X-Request-Id": req.request_id, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
            if resp.get_header("Cache-Control") is None
            else {"X-Request-Id": req.request_id, "X-Content-Type-Options": "nosniff"}
        )
        principal = getattr(req, "principal", None)
        _log.info(
            "request",
            method=req.method,
            route=req.uri_template or "-",
            status=resp.status_code,
            milliseconds=round((time.perf_counter() - req.started) * 1000, 2),
            request_id=req.request_id,
            organization_id=principal.organization_id if principal else None,
            principal=principal.id if principal else None,
        )
