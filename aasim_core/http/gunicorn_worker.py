"""gunicorn's worker with threads, whose own refusals have the envelope too: it answers what never becomes a request for the app."""

import logging
import select
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.util import write_nonblock
from gunicorn.workers.base import Worker as Base
from gunicorn.workers.gthread import ThreadWorker
from uuid_utils import uuid7

from ..errors import Refused
from .envelope import failure

_TOO_LONG = {
    LimitRequestLine: ("uri_too_long", "The path and query are too long; they may have 4,094 bytes."),
    LimitRequestHeaders: ("headers_too_large", "A header is too long, or there are too many: 100 headers of 8,190 bytes each."),
}
_UNREADABLE = ("bad_request", "This is not a request of HTTP/1.1 that can be understood; check its first line and its headers.")
_OURS = ("internal_error", "Something went wrong on our side; tell the operator the request id.")
#: How long, in milliseconds, a thread waits whether its connection's next request follows.
_FOLLOWS_WITHIN = 2
_log = logging.getLogger("aasim.http")


class Worker(ThreadWorker):
    """Named in gunicorn's settings."""

    def init_process(self) -> None:
        """Serve; the settings, which gunicorn looks up anew some thirty times a request, do not change any more."""
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow it at once: to give the connection back and get it again takes as long as a short one."""
        kept = super().handle(conn)
        while kept is True and self._is_followed(conn):
            kept = super().handle(conn)
        return kept

    def _is_followed(self, conn: Any) -> bool:
        """Whether the next request comes while this thread can wait for it: there is another one for each other connection."""
        if not self.alive or conn.is_http2 or self.nr_conns > self.cfg.threads:
            return False
        if conn.parser.unreader.buf.getvalue():
            return True
        poll = select.poll()
        poll.register(conn.sock, select.POLLIN)
        return bool(poll.poll(_FOLLOWS_WITHIN))

    def handle_quit(self, sig: int, frame: Any) -> None:
        """Stop at once. gunicorn's own takes a lock of the pool of threads, which the interrupted thread may hold: it would never end."""
        Base.handle_quit(self, sig, frame)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer for a request that cannot be read, or whose answer cannot be sent."""
        request_id = uuid7().hex
        refused = _refusal_of(exc)
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("an answer could not be sent (request %s)", request_id, exc_info=exc)
        with suppress(OSError):
            write_nonblock(client, _answer(refused, request_id))


def _refusal_of(error: BaseException) -> Refused:
    if not isinstance(error, ParseException) or isinstance(error, InvalidResponseHeader | InvalidResponseHeaderName):
        return Refused(*_OURS)
    return Refused(*_TOO_LONG.get(type(error), _UNREADABLE))


def _answer(refused: Refused, request_id: str) -> bytes:
    body = failure(refused, request_id)
    head = (
        f"HTTP/1.1 {refused.status} {HTTPStatus(refused.status).phrase}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\nConnection: close\r\n"
        f"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\nX-Request-Id: {request_id}\r\n\r\n"
    )
    return head.encode("ascii") + body
