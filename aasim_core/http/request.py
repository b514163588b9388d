"""The request and the response as responders see them: falcon's, with what the guard found out."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import falcon

if TYPE_CHECKING:
    from ..access.rights import Rights
    from ..identity.principal import Principal


class Request(falcon.Request):
    """A request on its way; the guard fills in the attributes in the order of its checks."""

    __slots__ = ("body", "principal", "query", "request_id", "rights", "started", "target")

    #: Who sent it; set unless the operation is public.
    principal: "Principal"
    #: What they may do.
    rights: "Rights"
    #: The object that the path names, if it names one.
    target: Any
    #: The validated body and query parameters, keyed by field name.
    body: dict[str, Any]
    query: Mapping[str, Any]
    request_id: str
    started: float


class Response(falcon.Response):
    """An answer; set `media` to what the operation's reply schema describes."""

    __slots__ = ("finish", "message")

    #: One sentence for a person, instead of the operation's.
    message: str | None
    #: Called after the commit, outside the transaction; may replace the answer (``Prefer: wait``).
    finish: Callable[[], None] | None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.message = None
        self.finish = None
