"""The doorbell: tells a worker that there is a job. A ring that is lost costs the worker's poll interval, never work.

huey carries the rings: its queue holds messages of one task, which is never executed. On one machine a datagram to each worker's
socket is quicker, and a message is only written when there is a worker without a socket.
"""

import os
import sqlite3
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from ..errors import StartupError
from .sockets import SocketEar, Sockets

if TYPE_CHECKING:
    from ..settings import Settings

#: After a failure no message is written for so long: a queue that is down must not slow every request.
REST_SECONDS = 5.0
#: A listener that cannot listen tries again after so long.
DEAF_SECONDS = 1.0
# How often a listener looks into a queue that cannot wake it, as datagrams and Redis do.
_LOOK_SECONDS = 0.2
_MOST_MESSAGES = 1000
# sysexits.h
_STORAGE = 74
_log = structlog.get_logger("aasim.jobs")


class Doorbell:
    """What the processes of one installation ring, and its workers listen to; nothing is opened before it is used."""

    def __init__(self, settings: "Settings") -> None:
        self._url = settings.queue.url
        self._sockets = None if self._url.startswith("redis") else Sockets(settings.data_dir / "workers")
        self._messages: _Messages | None = None
        self._opening = threading.Lock()
        self._silent_until = 0.0

    def ring(self) -> None:
        """Wake a worker. Never raises and never waits long: some 10 µs by datagram, 30 µs by Redis."""
        try:
            if self._sockets is not None and not self._sockets.ring():
                return
            if time.monotonic() < self._silent_until:
                return
            self._silent_until = time.monotonic() + self._opened().ring()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the queue, the work is safe in the database
            self._silent_until = time.monotonic() + REST_SECONDS
            _log.warning("nobody can be woken; workers look for jobs by themselves", error=f"{type(error).__name__}: {error}")

    def prepare(self) -> None:
        """Open what the first ring would open: where that is Redis, it takes 0.1 s, which no request should pay."""
        if self._sockets is None:
            self._opened()

    def listen(self, worker: str) -> "Ear":
        """The ear of `worker`; what was rung before does not count, for a worker begins by looking into the table."""
        messages = self._opened()
        messages.forget()
        return Ear(messages, self._sockets.listen(worker) if self._sockets else None)

    def __del__(self) -> None:
        if self._messages is not None and self._messages.process == os.getpid():
            self._messages.close()

    def _opened(self) -> "_Messages":
        with self._opening:
            if self._messages is None or self._messages.process != os.getpid():
                self._messages = _Messages(self._url)
            return self._messages


class Ear:
    """A worker's side of the doorbell."""

    def __init__(self, messages: "_Messages", datagrams: SocketEar | None) -> None:
        self._messages = messages
        self._datagrams = datagrams
        self._is_deaf = False

    def wait(self, seconds: float) -> bool:
        """Whether somebody rang, after `seconds` at most."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._messages.block:
                return self._heard(left)
            if self._rest(min(left, _LOOK_SECONDS)) or self._heard(0):
                return True
        return False

    def _rest(self, seconds: float) -> bool:
        if self._datagrams is not None:
            return self._datagrams.wait(seconds)
        time.sleep(seconds)
        return False

    def _heard(self, seconds: float) -> bool:
        try:
            heard = self._messages.take(seconds)
        except Exception as error:  # noqa: BLE001 - as for ring
            if not self._is_deaf:
                _log.warning("cannot listen for rings; looking for jobs instead", error=f"{type(error).__name__}: {error}")
            self._is_deaf = True
            time.sleep(DEAF_SECONDS)
            return False
        if self._is_deaf:
            _log.info("rings are heard again")
        self._is_deaf = False
        return heard

    def close(self) -> None:
        """Stop listening."""
        if self._datagrams is not None:
            self._datagrams.close()


class _Messages:
    """Rings as huey's messages, in Redis or in a SQLite file. `block` says whether the queue can be waited for."""

    def __init__(self, url: str) -> None:
        self.process = os.getpid()
        self.block = url.startswith("redis")
        try:
            from .messages import Line, open_huey

            self._ringing, task = open_huey(url, wait_seconds=0.5)
            self._listening, _ = open_huey(url, wait_seconds=10)
            #: All rings are alike, so that one message serves for all.
            self._message = self._ringing.serialize_task(task.s())
            self._line = Line(self._ringing.storage, self._message) if self.block else None
        except ImportError as error:
            raise StartupError(
                f"queue.url needs a package that is not there ({error}); run: pip install 'aasim[redis]'"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StartupError(
                f"the queue {url.removeprefix('sqlite:///')} cannot be used ({error}); stop API and worker, and delete it: "
                "it only wakes workers, and holds no work",
                exit_code=_STORAGE,
            ) from error

    def ring(self) -> float:
        """Write a message; returns for how many seconds another one would change nothing."""
        waiting = self._line.ring() if self._line is not None else self._write_to_file()
        if waiting > _MOST_MESSAGES:
            self._ringing.storage.flush_queue()
        return 0 if self.block else _LOOK_SECONDS

    def _write_to_file(self) -> int:
        self._ringing.storage.enqueue(self._message)
        return int(self._ringing.storage.queue_size())

    def take(self, seconds: float) -> bool:
        """Whether there was a message, waiting for one if the queue can be waited for."""
        self._listening.storage.read_timeout = seconds
        return self._listening.storage.dequeue() is not None

    def forget(self) -> None:
        """Throw away all messages."""
        with suppress(Exception):
            self._listening.storage.flush_queue()

    def close(self) -> None:
        """Close what was opened."""
        if self._line is not None:
            self._line.close()
        for huey in (self._ringing, self._listening):
            huey.storage.close()
            if self.block:
                huey.storage.pool.disconnect()
