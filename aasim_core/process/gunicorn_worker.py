"""gunicorn's threaded worker: slow clients hold no thread, and malformed requests get the error envelope too."""

import logging
import select
import selectors
import socket
import time
from contextlib import suppress
from functools import partial
from http import HTTPStatus
from typing import Any

from gunicorn.http import wsgi
from gunicorn.http.errors import (
    InvalidResponseHeader,
    InvalidResponseHeaderName,
    LimitRequestHeaders,
    LimitRequestLine,
    ParseException,
)
from gunicorn.util import write_nonblock
from gunicorn.workers.base import Worker as Base
from gunicorn.workers.gthread import _DEFER, ThreadWorker
from uuid_utils import uuid7

from ..errors import Refused
from ..http.envelope import failure
from .request_reader import Part, RequestReader

_TOO_LONG = {
    LimitRequestLine: ("uri_too_long", "The path and query are too long; they may have 4,094 bytes."),
    LimitRequestHeaders: ("headers_too_large", "A header is too long, or there are too many: 100 headers of 8,190 bytes each."),
}
_UNREADABLE = ("bad_request", "This is not a request of HTTP/1.1 that can be understood; check its first line and its headers.")
_OURS = ("internal_error", "Something went wrong on our side; tell the operator the request id.")
_TOO_SLOW = ("request_timeout", "The request did not come in time; send its headers and its body without a pause.")
#: How long, in milliseconds, a thread waits whether its connection's next request follows.
_FOLLOWS_WITHIN = 2
#: How long, in seconds, a client may take to close a connection after its last answer.
_PARTS_WITHIN = 2
_READ_AT_ONCE = 65_536
_log = logging.getLogger("aasim.http")


class Worker(ThreadWorker):
    """Named in gunicorn's settings."""

    _is_ending = False

    def init_process(self) -> None:
        """Serve; the settings, which gunicorn looks up some thirty times per request, are frozen."""
        self.cfg.__dict__.update({name: setting.get() for name, setting in self.cfg.settings.items()})
        wsgi.Response = Response  # gunicorn has no setting for the class of its answers
        self._seconds = {Part.HEAD: self.app.server.header_seconds, Part.BODY: self.app.server.body_seconds}
        self._leaving: list[Any] = []
        super().init_process()

    def handle(self, conn: Any) -> Any:
        """Answer a request, and those that follow it at once: to give the connection back and get it again takes as long as a short one.

        What ends a thread, such as SystemExit while a response is streamed, would end the process in the loop that takes its result.
        """
        try:
            kept = self._answer_next(conn)
            while kept is True and self._is_followed(conn):
                kept = self._answer_next(conn)
        except Exception:
            raise
        except BaseException as error:  # noqa: BLE001 - no signal raises in this thread
            _log.error("an answer was not finished", exc_info=error)
            return False
        return kept

    def _answer_next(self, conn: Any) -> Any:
        """Answer the next request if it is there, so that no thread waits for one that comes slowly."""
        if not conn.initialized:
            conn.init()
            conn.parser.unreader = RequestReader(conn.sock, self._seconds)
        if not conn.parser.unreader.is_ready():
            return _DEFER
        conn.data_ready = True
        return super().handle(conn) and not conn.parser.unreader.timed_out

    def finish_request(self, conn: Any, fs: Any) -> None:
        """Take the connection back from its thread, and watch one whose next request is on its way, or whose client has to close it."""
        kept = None if fs.cancelled() or fs.exception() is not None else fs.result()
        if kept is _DEFER and self.alive:
            conn.timeout = conn.parser.unreader.deadline
            self._watch(conn, self.pending_conns, self.on_pending_socket_readable)
        elif kept is False or kept is _DEFER:
            self._part_from(conn)
        else:
            super().finish_request(conn, fs)

    def _part_from(self, conn: Any) -> None:
        """Close the connection when the client does: data that comes to a closed one could cost it the end of its answer.

        gunicorn's own function waits for that in the loop, which then hears of no other connection.
        """
        try:
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._close(conn)
        else:
            conn.timeout = time.monotonic() + _PARTS_WITHIN
            self._watch(conn, self._leaving, self._hear_out)

    def _hear_out(self, conn: Any, sock: Any) -> None:
        """Read what the client still sends, and close the connection at its end."""
        with suppress(BlockingIOError):
            try:
                is_over = not sock.recv(_READ_AT_ONCE, socket.MSG_DONTWAIT)
            except ConnectionError:
                is_over = True
            if is_over:
                self._forget(conn, self._leaving)

    def murder_pending(self) -> None:
        """Close the connections that were watched long enough, and tell those whose request did not come in time."""
        moment = time.monotonic()
        for conn in [conn for conn in self.pending_conns if conn.timeout <= moment]:
            if conn.parser.unreader.buf.getvalue():
                self._refuse(conn.sock, Refused(*_TOO_SLOW), uuid7().hex)
            self._forget(conn, self.pending_conns)
        for conn in [conn for conn in self._leaving if conn.timeout <= moment]:
            self._forget(conn, self._leaving)

    def _watch(self, conn: Any, group: Any, when_readable: Any) -> None:
        group.append(conn)
        self.poller.register(conn.sock, selectors.EVENT_READ, partial(when_readable, conn))

    def _forget(self, conn: Any, group: Any) -> None:
        group.remove(conn)
        self.poller.unregister(conn.sock)
        self._close(conn)

    def _close(self, conn: Any) -> None:
        self.nr_conns -= 1
        conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """A server that stops waits no longer for what is on its way than for the next request of an idle connection."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

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
        """Stop at once. gunicorn's own takes a lock of the pool of threads, which the interrupted thread may hold: it would never end.

        SystemExit is raised for the first signal only, since the end of the process has begun by the second.
        """
        if not self._is_ending:
            self._is_ending = True
            Base.handle_quit(self, sig, frame)

    def handle_error(self, req: Any, client: Any, addr: Any, exc: BaseException) -> None:
        """Answer for a request that cannot be read, or whose answer cannot be sent."""
        request_id = uuid7().hex
        refused = _refusal_of(exc)
        if refused.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            _log.error("an answer could not be sent (request %s)", request_id, exc_info=exc)
        self._refuse(client, refused, request_id)

    @staticmethod
    def _refuse(client: Any, refused: Refused, request_id: str) -> None:
        with suppress(OSError):
            write_nonblock(client, _answer(refused, request_id))


class Response(wsgi.Response):
    """An answer that does not name the server's software."""

    def default_headers(self) -> list[str]:
        """The first lines, as gunicorn has them but for one."""
        return [line for line in super().default_headers() if not line.startswith("Server:")]


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
