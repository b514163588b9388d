"""Everything that an organization has, as JSON lines: from every table of the core and of the plugins that are on, but no secret."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..access.records import Membership, Organization
from ..data.dumping import Dump, is_dumped
from ..data.json import to_json
from ..data.views import View
from ..identity import people
from .exports import MEDIA_TYPES, Download

if TYPE_CHECKING:
    from ..app import App
    from .request import Request, Response

#: The media type of what is sent.
MEDIA_TYPE = MEDIA_TYPES["jsonl"]
# Accounts are no organization's; what its members are called is.
_MEMBERS = View(Membership, {"name": people.NAME, "email": people.EMAIL}, people.joins(Membership.user_id))


def send(app: "App", req: "Request", resp: "Response", permission: str) -> None:
    """Answer with a line for each row of the caller's organization, ``{"table": …, "row": …}``, its own row first.

    The rows of a table are in an order that changes do not disturb; together they are no picture of one moment. What cannot be sent to
    its end, or for which the reader loses the permission, says so in its last line.
    """
    download = Download(app, req, permission)
    download.send(resp, f"{req.principal.organization_id}.jsonl", "jsonl", _lines(app, download, req.principal.organization_id))


def dumps(app: "App") -> list[Dump]:
    """What is written of each table, in the order of the tables."""
    return [_dump(model) for model in app.models if is_dumped(model)]


def _dump(model: type[Any]) -> Dump:
    return Dump(model, _MEMBERS, ("name", "email")) if model is Membership else Dump(model)


def _lines(app: "App", download: Download, organization_id: str) -> Iterator[bytes]:
    own = Dump(Organization)
    with download.looking():
        row = own.one(organization_id)
    yield _line(own.table, row)
    for dump in dumps(app):
        rows = dump.rows()
        while True:
            with download.looking():
                some = next(rows, None)
            if some is None:
                break
            yield b"".join(_line(dump.table, row) for row in some)


def _line(table: str, row: Any) -> bytes:
    return to_json({"table": table, "row": row}) + b"\n"
