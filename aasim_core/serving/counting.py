"""Count a list's items as its caller would see them, so that other pages agree with the list itself."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from ..app import Kept
from ..http.operations import Endpoint
from ..http.request import Request, Response
from ..lists import query
from ..lists.paging import MOST_COUNTED
from .permission import permit_anywhere

if TYPE_CHECKING:
    from ..app import App


@dataclass(frozen=True)
class Count:
    """The number of a list's items, up to `MOST_COUNTED`, and the list's URL."""

    number: int
    is_at_least: bool
    link: str


def count(app: "App", req: Request, path: str, filters: Mapping[str, str]) -> Count:
    """Return the number of items that the list at `path`, such as ``/agents``, has for the sender of `req`; `filters` are query parameters.

    Refused where they may not list them, and where the list's plugin is disabled for the organization. LookupError for an unknown list.
    """
    endpoint = app.stash.of(_LISTS).get(path)
    if endpoint is None:
        raise LookupError(f"there is no list at {path}; write the path of one without ids, such as /executions")
    asked = Request({**req.env, "PATH_INFO": f"/api/v1{path}", "QUERY_STRING": ""}, options=req.options)
    asked.caller, asked.principal = req.caller, req.principal
    permit_anywhere(app, endpoint, asked)
    asked.query = query.parse(urlencode({**filters, "limit": 1, "include": "total"}), endpoint.query)
    answer = Response()
    endpoint.responder(asked, answer)
    total, asked_for = answer.media.total, f"?{urlencode(filters)}" if filters else ""
    return Count(min(total, MOST_COUNTED), total > MOST_COUNTED, f"/api/v1{path}{asked_for}")


def _lists(app: "App") -> Mapping[str, Endpoint]:
    """The lists of the API whose paths contain no ids, by path."""
    return {each.template: each for each in app.endpoints if each.method == "GET" and each.in_api and each.operation.many}


_LISTS = Kept(_lists)
