"""The request and the response as responders see them: falcon's, with the guard's results."""

import re
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import falcon
from uuid_utils import uuid7

if TYPE_CHECKING:
    from ..access.rights import Rights
    from ..spans import Off, Open
    from ..tenancy.principal import Caller, Principal

_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")


class Request(falcon.Request):
    """A request being processed; the guard sets the attributes in the order of its checks.

    `request_id` is that of the request which has caused this one (``Aasim-Cause``), or the client's ``X-Request-Id``, if it is
    well-formed, or a new one; `started` is by `time.perf_counter`.
    """

    __slots__ = ("body", "caller", "parent", "principal", "query", "request_id", "rights", "span", "started", "target")

    #: The sender; set unless the operation is public.
    caller: "Caller"
    #: The sender, if it has an account; not set for the holder of a token.
    principal: "Principal"
    #: The caller's rights.
    rights: "Rights"
    #: The span of the request; set with `caller`.
    span: "Open | Off"
    #: The object that the path names, if any.
    target: Any
    #: The object's parent, where its resource has one.
    parent: Any
    #: The validated body and query parameters, keyed by field name; a raw body is bytes.
    body: Any
    query: Mapping[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.started = time.perf_counter()
        # On the hot path headers are read directly: get_header rebuilds the key each time.
        given = self.env.get("HTTP_AASIM_CAUSE") or self.env.get("HTTP_X_REQUEST_ID")
        self.request_id = given if given and _REQUEST_ID.fullmatch(given) else uuid7().hex


class Response(falcon.Response):
    """A response; set `media` to the value that the operation's reply schema describes."""

    __slots__ = ("finish", "message")

    #: One sentence for a person, instead of the operation's.
    message: str | None
    #: Called after the commit, outside the transaction; may replace the response (``Prefer: wait``).
    finish: Callable[[], None] | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.message = None
        self.finish = None
