"""Export everything that an organization has, as JSON lines: all tables of the core and of enabled plugins, without secrets."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import dropwhile
from typing import TYPE_CHECKING, Any

from ..errors import Refused
from ..lists import cursors
from ..schemas.scalars import Text
from ..schemas.schema import Schema
from ..tenancy.records import Organization
from ..text.json import to_json
from .exports import MEDIA_TYPES, Download
from .table_rows import Dump, is_dumped

if TYPE_CHECKING:
    from ..app import App
    from ..http.request import Request, Response

#: The media type of the export.
MEDIA_TYPE = MEDIA_TYPES["jsonl"]


class AfterIn(Schema):
    """The position from which an export continues."""

    after = Text(1, 3072, description="Where to continue: the last `after` of an incomplete export.")


def send(app: "App", req: "Request", resp: "Response", permission: str) -> None:
    """Stream a line per row of the caller's organization, ``{"table": …, "row": …}``, its own row first.

    The order of a table's rows is stable under changes; the export is not a snapshot of one moment. Some lines have ``after``: an export
    with that parameter continues behind them. If the export is incomplete, or the reader loses the permission, its last line says so.
    Refused ``invalid_cursor`` for an `after` of something else.
    """
    download, organization_id = Download(app, req, permission), req.principal.organization_id
    lines = _sent(download, pieces(app, organization_id, download.looking, req.query.get("after")))
    download.send(resp, f"{organization_id}.jsonl", "jsonl", lines)


def _sent(download: Download, some: Iterator[tuple[bytes, str | None]]) -> Iterator[bytes]:
    for lines, download.after in some:
        yield lines


def pieces(
    app: "App", organization_id: str, looking: Callable[[], AbstractContextManager[None]], after: str | None = None
) -> Iterator[tuple[bytes, str | None]]:
    """Yield the lines of an export in batches, with the position behind them; `looking` gives a connection in the scope.

    Refused ``invalid_cursor``, at once, for an `after` that is not of an export of this organization.
    """
    if after is None:
        return _lines(app, organization_id, looking, dumps(app), None)
    place = cursors.opened(app.keyring, _bound_to(organization_id), after)
    rest = [] if place is None else list(dropwhile(lambda dump: dump.table != place[0], dumps(app)))
    if place is None or not rest:
        raise Refused("invalid_cursor", "This is not of an export of this organization; begin again without it.", field="after")
    return _lines(app, organization_id, looking, rest, place[1:])


def dumps(app: "App") -> list[Dump]:
    """Return the exported parts of each table, in the order of the tables."""
    return [Dump(model) for model in app.models if is_dumped(model)]


def _lines(
    app: "App",
    organization_id: str,
    looking: Callable[[], AbstractContextManager[None]],
    rest: Sequence[Dump],
    key: Sequence[Any] | None,
) -> Iterator[tuple[bytes, str | None]]:
    if key is None:
        own = Dump(Organization)
        with looking():
            row = own.one(organization_id)
        yield _line(own.table, row), None
    for dump in rest:
        rows, key = dump.rows(key), None
        while True:
            with looking():
                some = next(rows, None)
            if some is None:
                break
            (*most, last), place = some
            after = cursors.seal(app.keyring, _bound_to(organization_id), [dump.table, *place])
            yield b"".join([*(_line(dump.table, row) for row in most), _line(dump.table, last, after=after)]), after


def _line(table: str, row: Any, **more: str) -> bytes:
    return to_json({"table": table, "row": row, **more}) + b"\n"


def _bound_to(organization_id: str) -> bytes:
    return b"export " + organization_id.encode()
