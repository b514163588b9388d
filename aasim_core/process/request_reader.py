"""Reads requests from a connection: no thread waits for a slow client, and no client may take forever.

A connection gets a thread when the head of its next request is there, with its body or the first part of a long one. Until then the
worker's loop watches it, for as long as the limits allow. They are kept within what a thread reads itself, too.
"""

import os
import re
import select
import socket
import time
from contextlib import suppress
from enum import Enum
from math import inf

from gunicorn.http.unreader import SocketUnreader

#: What a connection may have sent, in bytes, before a thread takes its request: more would be too much memory for many connections.
_MOST_KEPT = 65_536
_END_OF_HEAD = b"\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d{1,15})[ \t]*\r\n", re.IGNORECASE)
_EXPECTS = re.compile(rb"\r\nexpect:[ \t]*100-continue[ \t]*\r\n", re.IGNORECASE)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


class Part(Enum):
    """What a request may lack."""

    HEAD = "headers"
    BODY = "body"


class RequestReader(SocketUnreader):
    """Reads from a socket; `seconds` are how long the head and the body of a request may take.

    `deadline` is until when, on the monotonic clock, the part may come that is read or waited for. `timed_out` says that a body did
    not come in time, so that nothing more can be read from the connection.
    """

    def __init__(self, sock: socket.socket, seconds: dict[Part, float]) -> None:
        super().__init__(sock)
        self._seconds = seconds
        self._lacking: Part | None = None
        self.deadline = inf
        self.timed_out = False

    def is_ready(self) -> bool:
        """Read what has come of the next request, without waiting; returns whether a thread can continue it, or learn that it is over."""
        while (lacking := lacking_in(self.buf.getvalue())) is not None:
            if lacking is not self._lacking:
                self._await(lacking)
            try:
                received = self.sock.recv(self.mxchunk, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return False
            except OSError:
                return True
            if not received:
                return True
            self.buf.seek(0, os.SEEK_END)
            self.buf.write(received)
        self._lacking = None
        self.deadline = time.monotonic() + self._seconds[Part.BODY]
        return True

    def chunk(self, size_hint: int | None = None) -> bytes:
        """The next bytes, as many as come at once; none at the end, and where they do not come in time."""
        size = min(max(size_hint or 0, self.mxchunk), self.max_body_chunk)
        try:
            return bytes(self.sock.recv(size, socket.MSG_DONTWAIT))
        except BlockingIOError:
            self.timed_out = not _is_readable(self.sock, self.deadline - time.monotonic())
        return b"" if self.timed_out else bytes(self.sock.recv(size))

    def _await(self, lacking: Part) -> None:
        self._lacking = lacking
        self.deadline = time.monotonic() + self._seconds[lacking]
        if lacking is Part.BODY and _EXPECTS.search(self.buf.getvalue()):
            with suppress(OSError):
                self.sock.send(_CONTINUE, socket.MSG_DONTWAIT)


def lacking_in(received: bytes) -> Part | None:
    """What has to come before a thread takes the request; None for one that is there, or longer than what is waited for."""
    end = received.find(_END_OF_HEAD)
    if end < 0:
        return Part.HEAD if len(received) < _MOST_KEPT else None
    length = _LENGTH.search(received, 0, end + 2)
    whole = end + len(_END_OF_HEAD) + (int(length[1]) if length else 0)
    return Part.BODY if len(received) < min(whole, _MOST_KEPT) else None


def _is_readable(sock: socket.socket, seconds: float) -> bool:
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return seconds > 0 and bool(poll.poll(seconds * 1000))
