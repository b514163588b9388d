"""The headers of requests and responses, by operation."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..http.operations import Endpoint
from ..lists.query import ListQuery
from .components import Components

Shape = Mapping[str, Any]

_TAG: Shape = {"type": "string", "maxLength": 200}
_SECONDS: Shape = {"type": "integer", "format": "int32", "minimum": 0, "maximum": 86_400, "examples": [1]}


def _text(example: str, **more: Any) -> Shape:
    return {"type": "string", "maxLength": 2048, **more, "examples": [example]}


#: Request headers: the component's name, with the header, its schema and its description.
REQUEST: Mapping[str, tuple[str, Shape, str]] = {
    "RequestId": (
        "X-Request-Id", _text("checkout-7f3a9c2e", minLength=8, maxLength=64, pattern="^[A-Za-z0-9._-]{8,64}$"),
        "An id for this request. It is sent back, and is in the logs, events and jobs that the request causes.",
    ),
    "OrganizationId": (
        "X-Organization-Id", _text("organization_01h455vb4pex5vsknk084sn02q", maxLength=39),
        "The organization to act in, if you belong to several. The default is that of the token.",
    ),
    "Traceparent": (
        "traceparent", _text("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", maxLength=255),
        "The trace that this request belongs to (W3C Trace Context). It is passed on to jobs.",
    ),
    "IfMatch": (
        "If-Match", {**_TAG, "examples": ['"3"']}, "The ETag that you read. If the object has changed since, the answer is 412.",
    ),
    "IfNoneMatch": (
        "If-None-Match", {**_TAG, "examples": ['"3"']}, "The ETag that you have. If the object has not changed, the answer is 304.",
    ),
    "Prefer": (
        "Prefer", _text("wait=30", maxLength=200), "`wait=N` waits up to N seconds, at most 60, for the final result (RFC 7240).",
    ),
    "LastEventId": (
        "Last-Event-ID", _text("41", maxLength=20), "The id of the last event that you received. The stream resumes after it.",
    ),
}  # fmt: skip

#: Response headers, likewise.
ANSWER: Mapping[str, tuple[str, Shape, str]] = {
    "RequestId": (*REQUEST["RequestId"][:2], "The id of this request, yours or a new one. Quote it when you report a problem."),
    "RateLimit": ("RateLimit", _text('"principal";r=1199;t=60'), "What is left of the limit, and for how long (IETF draft)."),
    "RateLimitPolicy": ("RateLimit-Policy", _text('"principal";q=1200;w=60'), "The limit and its window in seconds."),
    "AllowOrigin": (
        "Access-Control-Allow-Origin", _text("https://app.example.com"), "Sent to pages of the origins that the operator allows.",
    ),
    "ETag": ("ETag", {**_TAG, "examples": ['"3"']}, "The version of the object, for `If-Match` and `If-None-Match`."),
    "Location": ("Location", _text("/api/v1/agents/agent_01h455vb4pex5vsknk084sn02q"), "Where the object can be read."),
    "RetryAfter": ("Retry-After", _SECONDS, "In how many seconds to ask again."),
    "Link": ("Link", _text('</api/v1/agents?cursor=…>; rel="next"', maxLength=8192), "The next and the previous page (RFC 8288)."),
    "IdempotencyReplayed": (
        "Idempotency-Replayed", {"type": "string", "enum": ["true"]}, "The answer to an earlier request with the same key.",
    ),
    "PreferenceApplied": ("Preference-Applied", _text("wait=30"), "The answer is final, because it was waited for."),
    "ContentDisposition": ("Content-Disposition", _text('attachment; filename="activities.csv"'), "The name of the file."),
    "WwwAuthenticate": ("WWW-Authenticate", {"type": "string", "const": "Bearer"}, "How to authenticate."),
}  # fmt: skip

_EVERYWHERE = ("RequestId", "AllowOrigin")
#: The draft's headers; those with X-, which say the same, are for clients that know no others.
_LIMITS = ("RateLimit", "RateLimitPolicy")
#: Headers that a response always has where it is declared.
_ALWAYS = frozenset(("RequestId", "Location", "ETag", "WwwAuthenticate"))


def takes_if_match(endpoint: Endpoint) -> bool:
    """Return whether it changes an existing object."""
    return endpoint.writes and (endpoint.method != "POST" or bool(endpoint.path_ids))


def sent_with(endpoint: Endpoint) -> Iterator[str]:
    """Return the components of the operation's request headers."""
    yield "RequestId"
    yield "Traceparent"
    if endpoint.needs_caller:
        yield "OrganizationId"
    if takes_if_match(endpoint):
        yield "IfMatch"
    if endpoint.method == "GET" and endpoint.has_version:
        yield "IfNoneMatch"
    if endpoint.operation.waits:
        yield "Prefer"
    if endpoint.operation.stream:
        yield "LastEventId"


def answered_with(endpoint: Endpoint, status: int) -> Iterator[str]:
    """Return the components of a successful response's headers."""
    operation = endpoint.operation
    yield from _EVERYWHERE
    if not operation.unlimited:
        yield from _LIMITS
    if endpoint.has_version:
        yield "ETag"
    has_object = not operation.plain and status not in operation.bare
    if status in (201, 202) and has_object:
        yield "Location"
    if status == 202 and has_object:
        yield "RetryAfter"
    if isinstance(endpoint.query, ListQuery) and operation.many:
        yield "Link"
    if endpoint.method == "POST":
        yield "IdempotencyReplayed"
    if operation.waits and status == 200:
        yield "PreferenceApplied"
    if operation.formats:
        yield "ContentDisposition"


def refused_with(endpoint: Endpoint, status: int) -> Iterator[str]:
    """Return the components of an error response's headers."""
    yield from _EVERYWHERE
    if not endpoint.operation.unlimited:
        yield from _LIMITS
    if status in (409, 429, 503):
        yield "RetryAfter"
    if status == 401:
        yield "WwwAuthenticate"


def headers(components: Components, names: Iterable[str]) -> dict[str, Any]:
    """Return a reference to each header of a response."""
    return {ANSWER[name][0]: components.refer("headers", _described(name), name) for name in names}


def _described(name: str) -> dict[str, Any]:
    _, schema, text = ANSWER[name]
    return {"description": text, "schema": dict(schema), **({"required": True} if name in _ALWAYS else {})}
