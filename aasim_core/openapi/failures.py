"""Error responses: one per status, with an example of every code that the operation can return."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ..error_codes import ErrorCode
from ..http.operations import Endpoint
from .components import Components
from .headers import headers, refused_with, takes_if_match
from .later_values import opened

Shape = dict[str, Any]

#: Name and meaning of each status.
STATUSES: Mapping[int, tuple[str, str]] = {
    400: ("BadRequest", "The request is malformed."),
    401: ("Unauthorized", "The credential is missing or not valid."),
    402: ("PaymentRequired", "A limit of the plan or of a budget is reached."),
    403: ("Forbidden", "The caller may not do this."),
    404: ("NotFound", "The object does not exist, or the caller may not know of it."),
    408: ("RequestTimeout", "The request did not arrive in time."),
    409: ("Conflict", "The state of the object does not allow this."),
    411: ("LengthRequired", "The request has no Content-Length."),
    412: ("PreconditionFailed", "The object has changed since it was read."),
    413: ("ContentTooLarge", "The body is too long."),
    414: ("UriTooLong", "The path and the query string are too long."),
    415: ("UnsupportedMediaType", "The body is not JSON."),
    422: ("UnprocessableContent", "Fields are not valid."),
    429: ("TooManyRequests", "A rate limit or a quota is reached."),
    431: ("HeadersTooLarge", "A header is too long, or there are too many."),
    500: ("InternalServerError", "An error of the server. Nothing was changed."),
    503: ("ServiceUnavailable", "The request cannot be served now. Try again later."),
    504: ("GatewayTimeout", "Another service did not answer in time."),
}
#: The codes that every operation with the status can return.
_USUAL: Mapping[int, Sequence[str]] = {
    400: ("invalid_parameter", "unknown_parameter"),
    401: ("authentication_required", "invalid_token", "token_expired"),
    403: ("permission_denied", "ip_not_allowed", "organization_suspended", "organization_closing"),
    404: ("not_found", "feature_disabled"),
    408: ("request_timeout",),
    409: ("conflict", "idempotency_in_progress"),
    411: ("length_required",),
    412: ("version_conflict",),
    413: ("payload_too_large",),
    414: ("uri_too_long",),
    415: ("unsupported_media_type",),
    422: ("required", "invalid_type", "unknown_field", "invalid_reference", "idempotency_key_reused"),
    429: ("rate_limited",),
    431: ("headers_too_large",),
    500: ("internal_error",),
    503: ("unavailable", "busy", "storage_unavailable"),
}  # fmt: skip
_OF_ALL = (400, 408, 414, 429, 431, 500, 503)
_OF_CALLERS, _OF_TOKENS = (401, 403, 404), (403, 404)
_OF_WRITES = (409, 411, 413, 415, 422)


def codes_of(endpoint: Endpoint, error_codes: Mapping[str, ErrorCode]) -> Mapping[int, Sequence[ErrorCode]]:
    """Return the codes of the guard and of the operation itself, by status."""
    found: dict[int, list[ErrorCode]] = defaultdict(list)
    for status in _statuses(endpoint):
        found[status].extend(error_codes[name] for name in _USUAL[status])
    for name in _special(endpoint):
        found[error_codes[name].status].append(error_codes[name])
    return {status: list(dict.fromkeys(found[status])) for status in sorted(found)}


def _statuses(endpoint: Endpoint) -> Iterator[int]:
    yield from _OF_ALL
    if endpoint.needs_caller:
        yield from _OF_CALLERS
    elif endpoint.by_token:
        yield from _OF_TOKENS
    elif endpoint.path_ids:
        yield 404
    if endpoint.writes:
        yield from _OF_WRITES
    if takes_if_match(endpoint):
        yield 412


def _special(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.operation.many:
        yield "invalid_cursor"
    if endpoint.writes:
        yield from ("malformed_json", "duplicate_key", "nesting_too_deep")
    if endpoint.operation.session_only:
        yield "session_required"
    yield from endpoint.refusals


def failures(components: Components, endpoint: Endpoint) -> Shape:
    """Return a reference per error status; operations with the same errors share them."""
    found = codes_of(endpoint, components.error_codes)
    return {str(status): _failure(components, endpoint, status, codes) for status, codes in found.items()}


def _failure(components: Components, endpoint: Endpoint, status: int, codes: Sequence[ErrorCode]) -> Shape:
    name, text = STATUSES[status]
    if codes[0] != _USUAL.get(status, codes)[0]:
        name = f"Only{name}"
    special = sorted(code for code in codes if code not in _USUAL.get(status, ()))
    name += "".join(word.title() for code in special for word in code.split("_"))
    answer = {
        "description": text,
        "headers": headers(components, refused_with(endpoint, status)),
        "content": {"application/json": {"schema": failure_schema(components), "examples": dict(map(_example, codes))}},
    }
    return components.refer("responses", answer, f"{name}Unlimited" if endpoint.operation.unlimited else name)


def _example(code: ErrorCode) -> tuple[str, Shape]:
    problem = {"code": str(code), "message": code.example} | ({"meta": dict(code.meta)} if code.meta else {})
    message = code.example if code.field == "_" else "Some fields are not valid."
    if code.status == 400 and code.field != "_":
        message = "Some query parameters are not valid."
    return str(code), {"summary": str(code), "value": {"success": False, "message": message, "errors": {code.field: [problem]}}}


def failure_schema(components: Components) -> Shape:
    """Return a reference to the one schema of every error."""
    text = {"type": "string", "maxLength": 10_000}
    meanings = {name: f"{code.when}: {code.advice}" for name, code in sorted(components.error_codes.items())}
    code = components.refer("schemas", {"type": "string", "enum": list(meanings), "x-enumDescriptions": meanings}, "ErrorCode")
    meta = {"type": "object", "additionalProperties": True, "description": "Facts about it, such as the limit that is reached."}
    problem = components.refer("schemas", {
        "type": "object", "description": "One thing that is wrong: `code` is for programs, `message` for people.",
        "properties": {"code": opened(code), "message": text, "meta": meta}, "required": ["code", "message"],
    }, "Problem")  # fmt: skip
    errors = components.refer("schemas", {
        "type": "object", "description": "Problems by the path of the field, such as `steps[2].name`; `_` is for what is no field's.",
        "additionalProperties": {"type": "array", "items": problem, "maxItems": 50},
    }, "Errors")  # fmt: skip
    return components.refer("schemas", {
        "type": "object", "description": "Why a request is refused.",
        "properties": {"success": {"type": "boolean", "const": False}, "message": text, "errors": errors},
        "required": ["success", "message", "errors"],
    }, "Failure")  # fmt: skip
