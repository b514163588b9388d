"""Convert every error to a response, here and nowhere else: refusals, falcon's errors, and unexpected ones."""

from collections.abc import Sequence
from functools import partial
from typing import Any

import falcon
import structlog

from ..errors import Refused
from ..logs.repeated_errors import RepeatedErrors, kind_of
from .protocols import API, Protocol, protocol_at
from .request import Request, Response
from .storage_errors import storage_refusal

_log = structlog.get_logger("aasim.errors")

_OF_STATUS = {
    401: ("authentication_required", "Send a credential, as Authorization: Bearer."),
    403: ("permission_denied", "You may not do this."),
    404: ("not_found", "There is no such object."),
    405: ("method_not_allowed", "This route does not take this method; the Allow header names those that it takes."),
    409: ("conflict", "This does not go together with the state of the object."),
    411: ("length_required", "Send a Content-Length."),
    412: ("version_conflict", "The object has changed since you read it."),
    413: ("payload_too_large", "The body is too long."),
    415: ("unsupported_media_type", "Send JSON in UTF-8, with the header Content-Type: application/json."),
    422: ("validation_failed", "Some fields are not valid."),
    429: ("rate_limited", "Too many requests; wait."),
    503: ("unavailable", "This cannot be done now; try again later."),
    504: ("upstream_timeout", "A service that is needed for this did not answer in time."),
}
_NO_ROUTE = "There is no such route; GET /api/v1/openapi.json lists those that there are."
_NO_ROUTE_HERE = "There is no such route."
_BAD_REQUEST = "This request cannot be understood; check its method, headers and path."
_UNEXPECTED = "Something went wrong on our side; tell the operator the request id."
# Headers that a responder may have set before it failed.
_PROMISES = ("etag", "location", "preference-applied", "content-disposition", "last-modified", "idempotency-replayed")


class Unexpected(Exception):
    """The responder of a `plugin` raised what nobody foresaw, which is the cause; `reason` has the plugin's own line."""

    def __init__(self, plugin: str, reason: str) -> None:
        super().__init__(reason)
        self.plugin, self.reason = plugin, reason


def install(wsgi: "falcon.App[Request, Response]", protocols: Sequence[Protocol] = ()) -> None:
    """Make `wsgi` answer every error in the form of the path's protocol, by default the envelope, whatever the request accepts."""
    wsgi.add_error_handler(Exception, partial(_unexpected, protocols, RepeatedErrors()))
    wsgi.add_error_handler(Refused, partial(_refused, protocols))
    wsgi.add_error_handler(falcon.HTTPError, partial(_of_falcon, protocols))


def answer(protocol: Protocol, req: Request, resp: Response, refused: Refused) -> None:
    """Make `resp` the response to a refused request."""
    for name in _PROMISES:
        resp.delete_header(name)
    resp.set_headers(getattr(refused, "headers", {}))
    resp.stream = resp.media = resp.text = None
    resp.status, headers, resp.data = protocol.errors(refused, getattr(req, "request_id", None))
    resp.set_headers(headers)
    if refused.retry_after is not None or refused.status in (429, 503):
        resp.set_header("Retry-After", str(refused.retry_after or 1))


def _refused(protocols: Sequence[Protocol], req: Request, resp: Response, error: Refused, params: Any) -> None:
    answer(protocol_at(req.path, protocols), req, resp, error)


def _of_falcon(protocols: Sequence[Protocol], req: Request, resp: Response, error: falcon.HTTPError, params: Any) -> None:
    status, protocol = falcon.http_status_to_code(error.status), protocol_at(req.path, protocols)
    if status not in _OF_STATUS and status >= 500:
        _fault(protocol, req, resp, error)
        return
    code, message = _OF_STATUS.get(status, ("bad_request", _BAD_REQUEST))
    if isinstance(error, falcon.HTTPRouteNotFound):
        code, message = "route_not_found", _NO_ROUTE if protocol is API else _NO_ROUTE_HERE
    answer(protocol, req, resp, Refused(code, message))
    resp.set_headers(error.headers or {})


def _unexpected(
    protocols: Sequence[Protocol], repeated: RepeatedErrors, req: Request, resp: Response, error: Exception, params: Any
) -> None:
    protocol, refused = protocol_at(req.path, protocols), storage_refusal(error)
    if refused is None:
        _fault(protocol, req, resp, error)
        return
    reason = kind_of(error)
    if (count := repeated.count(reason)) is not None:
        _log.error("storage unavailable", code=refused.code, reason=reason, count=count)
    answer(protocol, req, resp, refused)


def _fault(protocol: Protocol, req: Request, resp: Response, error: Exception) -> None:
    """The response contains only the request's id, by which the log has all details."""
    facts = {"plugin": error.plugin, "reason": error.reason} if isinstance(error, Unexpected) else {}
    found = error.__cause__ if isinstance(error, Unexpected) else error
    _log.error("unexpected error", request_id=getattr(req, "request_id", None), route=req.uri_template, **facts, exc_info=found)
    answer(protocol, req, resp, Refused("internal_error", _UNEXPECTED))
