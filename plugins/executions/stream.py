"""An execution's log, in stretches and as a stream of server-sent events (WHATWG HTML, section 9.2)."""

import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from math import inf
from threading import BoundedSemaphore, Event
from typing import TYPE_CHECKING, Any

from aasim_core.context import organization_scope
from aasim_core.data.json import to_json
from aasim_core.data.records import read_row
from aasim_core.errors import Refused
from aasim_core.http.render import Plan
from aasim_core.identity.authentication import authenticate

from . import schemas, states
from .models import Execution, LogEntry

if TYPE_CHECKING:
    from aasim_core.app import App
    from aasim_core.http.request import Request, Response

_PLAN = Plan(schemas.LogEntryOut())
_HEARTBEAT, _LONGEST = 15.0, 300.0
#: A stream ends so long after its reader lost the right to it, at the latest.
RECHECK_SECONDS = 30.0
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


class Places:
    """How many streams a process may have open; each holds a thread, and some are left for other requests."""

    def __init__(self, threads: int) -> None:
        self._free = BoundedSemaphore(max(1, threads * 3 // 4))

    @contextmanager
    def one(self) -> Iterator[None]:
        """Take a place; Refused ``unavailable`` when there is none."""
        if not self._free.acquire(blocking=False):
            raise Refused("unavailable", "Too many logs are being followed; try again, or read it in stretches.", retry_after=5)
        try:
            yield
        finally:
            self._free.release()


class _Stream:
    """The pieces of a stream; its place is free again when the server closes it, as it does after each (PEP 3333)."""

    def __init__(self, pieces: Generator[bytes, None, None], place: ExitStack) -> None:
        self._pieces, self._place = pieces, place

    def __iter__(self) -> Iterator[bytes]:
        return self._pieces

    def close(self) -> None:
        """Stop."""
        with self._place:
            self._pieces.close()


def follow(app: "App", places: Places, req: "Request", resp: "Response") -> None:
    """Answer with the log as it grows, from ``Last-Event-ID`` or ``after`` on, until the execution ends."""
    given = req.get_header("Last-Event-ID") or ""
    after = int(given) if given.isdecimal() and given.isascii() and len(given) < 16 else req.query["after"]
    resp.content_type = "text/event-stream; charset=utf-8"
    resp.set_header("X-Accel-Buffering", "no")
    with ExitStack() as place:
        place.enter_context(places.one())
        place.enter_context(app.limiter.slot(req.principal))
        resp.stream = _Stream(_events(app, req, req.target.id, after), place.pop_all())


def _events(app: "App", req: "Request", execution_id: str, after: int) -> Generator[bytes, None, None]:
    """The stream: it outlives the request, so it has a connection and a scope of its own whenever it looks."""
    started = checked = time.monotonic()
    beat = -inf  # a client learns at once that it is heard, also where nothing has happened yet
    pause = Event()
    while True:
        moment = time.monotonic()
        if moment - checked > RECHECK_SECONDS:
            checked = moment
            if not _still_admitted(app, req):
                return
        entries, status = _look(app, req.principal.organization_id, execution_id, after)
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


def _still_admitted(app: "App", req: "Request") -> bool:
    with app.database.connected():
        try:
            authenticate(app, req)
        except Refused:
            return False
        return True


def _look(app: "App", organization_id: str, execution_id: str, after: int) -> tuple[list[dict[str, Any]], str]:
    with app.database.connected(), organization_scope(organization_id):
        row = read_row(Execution, execution_id)
        return _entries(execution_id, after, 500), row["status"] if row else states.CANCELLED
