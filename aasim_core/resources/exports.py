"""Export lists as files: JSON in the envelope for a limited number of rows, CSV and JSON lines streamed for any number."""

import csv
import io
import time
from collections.abc import Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import marshmallow
import peewee

from ..data.conditions import Condition
from ..errors import Refused
from ..http.envelope import failure
from ..http.storage_errors import storage_refusal
from ..lists.paging import Filter, Page, Question, read_page
from ..lists.query import ListQuery, Parameters
from ..lists.render_plan import Plan
from ..schemas.scalars import Choice
from ..text.json import to_json
from . import streams
from .streams import Reader

if TYPE_CHECKING:
    from ..app import App
    from ..http.request import Request, Response

#: Maximum number of rows as JSON in the envelope.
MOST_IN_JSON = 10_000
#: The media types of streamed formats, by the value of ``format``.
MEDIA_TYPES = {"csv": "text/csv; charset=utf-8", "jsonl": "application/x-ndjson; charset=utf-8"}
_ROWS_AT_ONCE = 500
_LONGEST_PAUSE_SECONDS = 900.0
# Characters that make spreadsheets treat text as a formula, including the full-width forms that some accept.
_FORMULA = ("=", "+", "-", "@", "＝", "＋", "－", "＠")
_BEFORE_FORMULA = ("\t", "\r", "\n")


class ExportQuery(ListQuery):
    """The query of an export: the filters of a list, and the format."""

    def __init__(self, reply: marshmallow.Schema, *, filters: Sequence[str]) -> None:
        super().__init__(reply, filters=filters, sorts=("id",), default="id")
        text = f"json has at most {MOST_IN_JSON:,} rows; csv and jsonl have any number."
        form = Choice("json", *MEDIA_TYPES, load_default="json", description=text)
        Parameters.__init__(self, {"format": form, **{key: field for key, (_, _, field) in self.filters.items()}})


@dataclass(frozen=True)
class Source:
    """The rows to export, oldest first: those of `model`, in the order of its column `order`, that meet the conditions.

    `name` is the file's name. `plan` renders the objects of JSON, and `columns` are those of CSV.
    """

    name: str
    model: Any
    order: str
    plan: Plan
    columns: tuple[str, ...]
    filters: Sequence[Filter] = ()
    conditions: Sequence[Condition] = ()

    def page(self, app: "App", names: tuple[str, ...], limit: int, cursor: str | None = None) -> Page:
        """Return a batch of the rows."""
        question = Question(route=f"export {self.name}", limit=limit, sort=(self.order,), filters=self.filters, cursor=cursor)
        return read_page(self.model, names, question, self.conditions, app.keyring)


def whole(app: "App", source: Source) -> Mapping[str, Any]:
    """Return all rows as a JSON value; Refused ``invalid_parameter`` when there are too many."""
    page = source.page(app, source.plan.columns, MOST_IN_JSON)
    if page.has_more:
        message = f"More than {MOST_IN_JSON:,} rows match; use format=csv or format=jsonl, or narrow the filters."
        raise Refused("invalid_parameter", message, field="format", meta={"max": MOST_IN_JSON})
    return {"items": source.plan.items(page.names, page.rows), "count": len(page.rows)}


def send(app: "App", req: "Request", resp: "Response", source: Source, form: str, permission: str) -> None:
    """Stream the rows as ``csv`` or ``jsonl`` while the reader has the permission."""
    download = Download(app, req, permission)
    writer = _Csv(source) if form == "csv" else _Lines(source)
    download.send(resp, f"{source.name}.{form}", form, _pieces(app, download, source, writer))


class Download:
    """A file that is generated while it is sent. If it is incomplete, its last line says so.

    `after` is where the last batch ended, if the export can be resumed: the last line then contains it.
    """

    def __init__(self, app: "App", req: "Request", permission: str) -> None:
        self._app, self._req = app, req
        self._reader = Reader(app, req, permission)
        self.after: str | None = None

    def send(self, resp: "Response", name: str, form: str, pieces: Iterator[bytes]) -> None:
        """Respond with `pieces`, each of which is produced within `looking`."""
        resp.content_type = MEDIA_TYPES[form]
        resp.set_header("Content-Disposition", f'attachment; filename="{name}"')
        streams.send(self._app, self._req, resp, self._to_the_end(pieces, form))

    @contextmanager
    def looking(self) -> Iterator[None]:
        """Return a context for reading the next rows; Refused when the reader has lost access, or the server stops."""
        if self._app.draining.is_set():
            raise Refused("unavailable", "The server is stopping; continue from the last row, or start again.")
        if not self._reader.is_admitted():
            raise Refused("invalid_token", "The session has ended, or the permission was taken away.")
        with self._reader.looking():
            yield

    def _read(self, pieces: Iterator[bytes]) -> Iterator[bytes]:
        """Yield the pieces; Refused if the client has not read for too long."""
        for piece in pieces:
            offered = time.monotonic()
            yield piece
            if time.monotonic() - offered > _LONGEST_PAUSE_SECONDS:
                raise Refused("unavailable", "Nothing was read for 15 minutes; continue from the last row, or start again.")

    def _to_the_end(self, pieces: Iterator[bytes], form: str) -> Generator[bytes, None, None]:
        try:
            yield from self._read(pieces)
        except (Refused, peewee.PeeweeException, OSError) as error:
            refused = error if isinstance(error, Refused) else storage_refusal(error)
            if refused is None:
                raise
            if self.after is not None:
                refused = Refused(refused.code, refused.message, meta={"after": self.after})
            yield _FAILURES[form](refused, self._req.request_id)


class _Lines:
    """JSON lines: an object per row."""

    beginning = b""

    def __init__(self, source: Source) -> None:
        self._plan = source.plan
        self.columns = source.plan.columns

    def rows(self, page: Page) -> bytes:
        """Return the lines of a page."""
        return b"".join(to_json(item) + b"\n" for item in self._plan.items(page.names, page.rows))


class _Csv:
    """CSV (RFC 4180), with every cell in quotes."""

    def __init__(self, source: Source) -> None:
        self.columns = source.columns
        self.beginning = csv_of([source.columns])

    def rows(self, page: Page) -> bytes:
        """Return the lines of a page."""
        places = [page.names.index(name) for name in self.columns]
        return csv_of([row[place] for place in places] for row in page.rows)


def csv_of(rows: Iterable[Iterable[Any]]) -> bytes:
    """Return the lines of a CSV file; texts that a spreadsheet would treat as formulas are made `harmless`."""
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([harmless(cell) for cell in row] for row in rows)
    return text.getvalue().encode()


def _failed_csv(refused: Refused, request_id: str) -> bytes:
    """Return the last line of an incomplete file: one cell that says so."""
    return csv_of([[f"INCOMPLETE: {refused.message} (request {request_id})"]])


def _failed_lines(refused: Refused, request_id: str) -> bytes:
    """Return the last line of an incomplete file: the envelope of an error."""
    return failure(refused, request_id) + b"\n"


_FAILURES = {"csv": _failed_csv, "jsonl": _failed_lines}


def harmless(value: Any) -> Any:
    """Return the value of a cell; a text that a spreadsheet would treat as a formula is prefixed with an apostrophe (OWASP, CSV
    injection)."""
    if not isinstance(value, str):
        return "" if value is None else value
    is_formula = value.startswith(_BEFORE_FORMULA) or value.lstrip().startswith(_FORMULA)
    return f"'{value}" if is_formula else value


def _pieces(app: "App", download: Download, source: Source, writer: _Csv | _Lines) -> Iterator[bytes]:
    yield writer.beginning
    cursor = None
    while True:
        with download.looking():
            page = source.page(app, writer.columns, _ROWS_AT_ONCE, cursor)
        yield writer.rows(page)
        cursor = page.next_cursor
        if cursor is None:
            return
