"""The WSGI application: falcon, the middleware, and a guarded responder for each endpoint."""

from collections import defaultdict
from typing import TYPE_CHECKING, Any

import falcon

from . import errors
from .cors import Cors
from .guard import guarded
from .middleware import RequestLog
from .operations import Endpoint
from .request import Request, Response

if TYPE_CHECKING:
    from ..app import App

BASE = "/api/v1"


class _ToReference:
    """``/docs``, where people look for it."""

    def on_get(self, req: Request, resp: Response) -> None:
        """Point to the reference."""
        resp.status, resp.location = falcon.HTTP_308, f"{BASE}/docs"


class _Routed:
    """What falcon routes one template to: a responder for each method."""


def make_wsgi(app: "App") -> falcon.App[Request, Response]:
    """The application that answers all of `app`'s endpoints under ``/api/v1``."""
    middleware: list[Any] = [RequestLog()]
    if app.settings.http.cors_origins:
        middleware.append(Cors(app.settings.http.cors_origins))
    wsgi = falcon.App(request_type=Request, response_type=Response, middleware=middleware)
    wsgi.req_options.strip_url_path_trailing_slash = False
    wsgi.resp_options.secure_cookies_by_default = True
    errors.install(wsgi)
    by_template: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in app.endpoints:
        by_template[endpoint.template].append(endpoint)
    for template, endpoints in by_template.items():
        wsgi.add_route(BASE + template, _routed(app, endpoints))
    wsgi.add_route("/docs", _ToReference())
    return wsgi


def _routed(app: "App", endpoints: list[Endpoint]) -> _Routed:
    routed = _Routed()
    for endpoint in endpoints:
        responder = guarded(app, endpoint)
        setattr(routed, f"on_{endpoint.method.lower()}", responder)
        if endpoint.method == "GET":
            routed.on_head = _headless(responder)  # type: ignore[attr-defined]
    return routed


def _headless(responder: Any) -> Any:
    def on_head(req: Request, resp: Response, **ids: str) -> None:
        responder(req, resp, **ids)
        resp.content_length = len(resp.data or b"")
        resp.data = resp.stream = resp.media = None

    return on_head
