"""Middleware for every request, routed or not: its log line, and the common response headers."""

import time
from contextlib import AbstractContextManager
from typing import Any

import structlog

from ..http.request import Request, Response
from ..spans import Spans

_log = structlog.get_logger("aasim.access")


def traced(spans: Spans, req: Request, name: str) -> AbstractContextManager[None]:
    """The span of a request in its organization's scope, which `RequestLog` ends."""
    req.span = spans.begin("request", name, started_at=time.time_ns() - round((time.perf_counter() - req.started) * 1e9))
    return req.span.scope()


class RequestLog:
    """Adds the common response headers, and logs one line per request."""

    def process_response(self, req: Request, resp: Response, resource: Any, succeeded: bool) -> None:
        """Add the headers, and log method, route, status and time, but no path, query or body."""
        if resp.get_header("Cache-Control") is None:
            resp.set_header("Cache-Control", "no-store")
        resp.set_header("X-Request-Id", req.request_id)
        resp.set_header("X-Content-Type-Options", "nosniff")
        caller = getattr(req, "caller", None)
        _log.info(
            "request",
            method=req.method,
            route=req.uri_template or "-",
            status=resp.status_code,
            milliseconds=round((time.perf_counter() - req.started) * 1000, 2),
            request_id=req.request_id,
            organization_id=caller.organization_id if caller else None,
            principal=caller.id if caller else None,
        )
        if (span := getattr(req, "span", None)) is not None:
            span.note(method=req.method, route=req.uri_template, status=resp.status_code, request_id=req.request_id)
            span.end()
