"""The WSGI application: falcon, the middleware, and a guarded responder for each endpoint."""

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import falcon

from ..data.faults import fault_of
from ..errors import Refused
from ..http import error_handlers
from ..http.error_handlers import Unexpected
from ..http.operations import Endpoint
from ..http.protocols import API, address_of
from ..http.request import Request, Response
from ..plugins.failures import describe, is_from_outside
from .cors import Cors
from .guard import Responder, guarded
from .request_log import RequestLog

if TYPE_CHECKING:
    from ..app import App

_DOCS = f"{API.prefix}/docs"
_REDIRECTS = {"/": _DOCS, "/docs": _DOCS, "/favicon.ico": f"{_DOCS}/favicon.svg"}


class _Redirect:
    """A redirect from a path where people and browsers expect something that is elsewhere."""

    def __init__(self, location: str) -> None:
        self._location = location

    def on_get(self, req: Request, resp: Response) -> None:
        """Redirect."""
        resp.status, resp.location = falcon.HTTP_308, self._location

    on_head = on_get


class _Routed:
    """The falcon resource of one template: a responder per method."""


def make_wsgi(app: "App") -> falcon.App[Request, Response]:
    """Return the application that serves all of `app`'s endpoints, under ``/api/v1`` or the prefix of their protocol."""
    protocols = list({endpoint.protocol.prefix: endpoint.protocol for endpoint in app.endpoints}.values())
    middleware: list[Any] = [RequestLog()]
    if app.settings.http.cors_origins:
        middleware.append(Cors(app.settings.http.cors_origins, protocols))
    wsgi = falcon.App(request_type=Request, response_type=Response, middleware=middleware)
    wsgi.req_options.strip_url_path_trailing_slash = False
    wsgi.resp_options.secure_cookies_by_default = True
    error_handlers.install(wsgi, protocols)
    files = {plugin.name: plugin.module.__file__ for plugin in app.plugins.on}
    by_address: dict[str, list[Endpoint]] = defaultdict(list)
    for endpoint in app.endpoints:
        by_address[address_of(endpoint.protocol, endpoint.template)].append(endpoint)
    for address, endpoints in by_address.items():
        wsgi.add_route(address, _routed(app, endpoints, files))
    for path, location in _REDIRECTS.items():
        wsgi.add_route(path, _Redirect(location))
    return wsgi


def _routed(app: "App", endpoints: list[Endpoint], files: Mapping[str, str | None]) -> _Routed:
    routed = _Routed()
    for endpoint in endpoints:
        responder = _blamed(guarded(app, endpoint), endpoint.plugin, files.get(endpoint.plugin))
        setattr(routed, f"on_{endpoint.method.lower()}", responder)
        if endpoint.method == "GET":
            routed.on_head = _headless(responder)  # type: ignore[attr-defined]
    return routed


def _blamed(responder: Responder, plugin: str, file: str | None) -> Responder:
    """Name the plugin of a responder that raises what nobody foresaw; SystemExit too, which would end the process from its thread."""

    def respond(req: Request, resp: Response, **ids: str) -> None:
        try:
            responder(req, resp, **ids)
        except (Refused, falcon.HTTPError, falcon.HTTPStatus):
            raise
        except BaseException as error:
            if is_from_outside(error) or fault_of(error) is not None:
                raise
            raise Unexpected(plugin, describe(error, file)) from error

    return respond


def _headless(responder: Any) -> Any:
    def on_head(req: Request, resp: Response, **ids: str) -> None:
        responder(req, resp, **ids)
        resp.content_length = len(resp.data or b"")
        resp.data = resp.stream = resp.media = None

    return on_head
