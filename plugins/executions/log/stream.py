"""The log of an execution, in sections and as server-sent events (WHATWG HTML, section 9.2)."""

import time
from collections.abc import Generator
from math import inf
from threading import Event
from typing import TYPE_CHECKING, Any

from aasim_core.data.records import read_row
from aasim_core.lists.render_plan import Plan
from aasim_core.resources import streams
from aasim_core.resources.streams import Reader
from aasim_core.text.json import to_json

from .. import states
from ..models import Execution, LogEntry
from .schemas import LogEntryOut

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.http.request import Request, Response

_PLAN = Plan(LogEntryOut())
_HEARTBEAT, _LONGEST = 15.0, 300.0
_LOOK_EVERY = 0.2


def stretch(execution: Execution, after: int, limit: int) -> dict[str, Any]:
    """At most `limit` entries after a sequence number."""
    ended = execution.status in states.TERMINAL
    entries = _entries(execution.id, after, limit)
    last = entries[-1]["sequence"] if entries else after
    return {"entries": entries, "last_sequence": last, "ended": ended and len(entries) < limit}


def _entries(execution_id: str, after: int, limit: int) -> list[dict[str, Any]]:
    columns = [getattr(LogEntry, name) for name in _PLAN.columns]
    mine = (LogEntry.execution_id == execution_id) & (LogEntry.sequence > after)
    query = LogEntry.select(*columns).where(mine).order_by(LogEntry.sequence).limit(limit)
    cursor = LogEntry._meta.database.execute(query)
    return _PLAN.items(_PLAN.columns, cursor.fetchall())


def follow(app: "App", req: "Request", resp: "Response") -> None:
    """Answer with the log as it grows, from ``Last-Event-ID`` or ``after`` on, until the execution ends."""
    given = req.get_header("Last-Event-ID") or ""
    after = int(given) if given.isdecimal() and given.isascii() and len(given) < 16 else req.query["after"]
    resp.content_type = "text/event-stream; charset=utf-8"
    streams.send(app, req, resp, _events(app, Reader(app, req), req.target.id, after))


def _events(app: "App", reader: Reader, execution_id: str, after: int) -> Generator[bytes, None, None]:
    started = time.monotonic()
    beat = -inf  # a client learns at once that it is heard, also where nothing has happened yet
    pause = Event()
    while True:
        moment = time.monotonic()
        if not reader.is_admitted():
            return
        entries, status = _look(reader, execution_id, after)
        for entry in entries:
            after = entry["sequence"]
            yield b"id: %d\nevent: log\ndata: %b\n\n" % (after, to_json(entry))
        if entries:
            beat = moment
        elif status in states.TERMINAL:
            yield b"event: end\ndata: %b\n\n" % to_json({"status": status})
            return
        elif app.draining.is_set() or moment - started > _LONGEST:
            return
        elif moment - beat > _HEARTBEAT:
            beat = moment
            yield b": still here\n\n"
        if not entries:
            pause.wait(_LOOK_EVERY)


def _look(reader: Reader, execution_id: str, after: int) -> tuple[list[dict[str, Any]], str]:
    with reader.looking():
        row = read_row(Execution, execution_id)
        return _entries(execution_id, after, 500), row["status"] if row else states.CANCELLED
