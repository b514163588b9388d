"""Every error becomes an answer here, and nowhere else: refusals as they are, falcon's own, and what nobody expected."""

from functools import partial
from typing import Any

import falcon
import structlog

from ..errors import Refused
from ..logs import Seldom, kind_of
from .envelope import failure
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
_BAD_REQUEST = "This request cannot be understood; check its method, headers and path."
_UNEXPECTED = "Something went wrong on our side; tell the operator the request id."
# What a responder may have promised before it failed.
_PROMISES = ("etag", "location", "preference-applied", "content-disposition", "last-modified", "idempotency-replayed")


def install(wsgi: "falcon.App[Request, Response]") -> None:
    """Make `wsgi` answer every error with the envelope, whatever the request accepts."""
    wsgi.add_error_handler(Exception, partial(_unexpected, Seldom()))
    wsgi.add_error_handler(Refused, _refused)
    wsgi.add_error_handler(falcon.HTTPError, _of_falcon)


def answer(req: Request, resp: Response, refused: Refused) -> None:
    """Make `resp` the answer that says why the request is refused."""
    for name in _PROMISES:
        resp.delete_header(name)
    resp.set_headers(getattr(refused, "headers", {}))
    resp.status = refused.status
    resp.content_type = falcon.MEDIA_JSON
    resp.stream = resp.media = resp.text = None
    resp.data = failure(refused, getattr(req, "request_id", None))
    if refused.retry_after is not None or refused.status in (429, 503):
        resp.set_header("Retry-After", str(refused.retry_after or 1))
    if refused.status == 401:
        resp.set_header("WWW-Authenticate", "Bearer")


def _refused(req: Request, resp: Response, error: Refused, params: Any) -> None:
    answer(req, resp, error)


def _of_falcon(req: Request, resp: Response, error: falcon.HTTPError, params: Any) -> None:
    status = falcon.http_status_to_code(error.status)
    if status not in _OF_STATUS and status >= 500:
        _fault(req, resp, error)
        return
    code, message = _OF_STATUS.get(status, ("bad_request", _BAD_REQUEST))
    if isinstance(error, falcon.HTTPRouteNotFound):
        code, message = "route_not_found", _NO_ROUTE
    answer(req, resp, Refused(code, message))
    resp.set_headers(error.headers or {})


def _unexpected(seldom: Seldom, req: Request, resp: Response, error: Exception, params: Any) -> None:
    refused = storage_refusal(error)
    if refused is None:
        _fault(req, resp, error)
        return
    reason = kind_of(error)
    if (count := seldom.count(reason)) is not None:
        _log.error("storage unavailable", code=refused.code, reason=reason, count=count)
    answer(req, resp, refused)


def _fault(req: Request, resp: Response, error: Exception) -> None:
    """The answer says nothing about the error but the request's id, by which the log knows everything."""
    _log.error("unexpected error", request_id=getattr(req, "request_id", None), route=req.uri_template, exc_info=error)
    answer(req, resp, Refused("internal_error", _UNEXPECTED))
