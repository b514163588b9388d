"""Notify workers of new jobs. A lost notification costs the worker's poll interval, never work.

huey carries the notifications: its queue holds messages of one task, which is never executed. On one machine a datagram to each worker's
socket is faster, and a message is written only for a worker without a socket.
"""

import os
import sqlite3
import threading
import time
from typing import TYPE_CHECKING

import structlog

from ...errors import StartupError
from .unix_sockets import SocketReceiver, Sockets

if TYPE_CHECKING:
    from ...settings import Settings
    from .huey_messages import Messages

#: After a failure no message is written for this long: an unavailable queue must not slow every request.
REST_SECONDS = 5.0
#: Seconds until a listener that cannot listen retries.
DEAF_SECONDS = 1.0
# sysexits.h
_STORAGE = 74
_log = structlog.get_logger("aasim.jobs")


class Notifier:
    """The channel between the processes of one installation and its workers; it is opened on first use."""

    def __init__(self, settings: "Settings") -> None:
        self._url = settings.queue.url
        self._sockets = None if self._url.startswith("redis") else Sockets(settings.data_dir / "workers")
        self._messages: Messages | None = None
        self._process = 0
        self._opening = threading.Lock()
        self._silent_until = 0.0

    def notify(self) -> None:
        """Notify a worker. Never raises and returns quickly: some 10 µs by datagram, 100 µs by Redis."""
        try:
            if self._sockets is not None and not self._sockets.notify():
                return
            if time.monotonic() < self._silent_until:
                return
            self._silent_until = time.monotonic() + self._opened().notify()
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the queue, the work is safe in the database
            self._silent_until = time.monotonic() + REST_SECONDS
            _log.warning("workers cannot be notified; they poll for jobs", error=f"{type(error).__name__}: {error}")

    def prepare(self) -> None:
        """Open what the first notification would open: connecting to Redis takes 0.1 s, which no request should pay."""
        if self._sockets is None:
            self._opened()

    def listen(self, worker: str) -> "Receiver":
        """Return the listener of `worker`; earlier notifications do not count, because a worker begins by polling the table."""
        messages = self._opened()
        messages.forget()
        return Receiver(messages, self._sockets.listen(worker) if self._sockets else None)

    def __del__(self) -> None:
        if self._messages is not None and self._process == os.getpid():
            self._messages.close()

    def _opened(self) -> "Messages":
        with self._opening:
            if self._messages is None or self._process != os.getpid():
                self._messages, self._process = open_queue(self._url), os.getpid()
            return self._messages


class Receiver:
    """A worker's end of the channel."""

    def __init__(self, messages: "Messages", datagrams: SocketReceiver | None) -> None:
        self._messages = messages
        self._datagrams = datagrams
        self._is_deaf = False

    @property
    def misses_nothing(self) -> bool:
        """Whether it receives a separate notification per job, unless the channel fails."""
        return self._datagrams is not None or self._messages.blocks

    def wait(self, seconds: float, most: int = 1) -> bool:
        """Return whether a notification arrived within `seconds`; up to `most` count as one, and the rest is left to other workers."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if self._messages.blocks:
                return self._heard(left, most)
            if self._rest(min(left, self._messages.look_seconds)) or self._heard(0, most):
                return True
        return False

    def _rest(self, seconds: float) -> bool:
        if self._datagrams is not None:
            return self._datagrams.wait(seconds)
        time.sleep(seconds)
        return False

    def _heard(self, seconds: float, most: int) -> bool:
        try:
            heard = self._messages.take(seconds, most)
        except Exception as error:  # noqa: BLE001 - as for notify
            if not self._is_deaf:
                _log.warning(
                    "cannot listen for notifications; polling for jobs instead", error=f"{type(error).__name__}: {error}"
                )
            self._is_deaf = True
            time.sleep(DEAF_SECONDS)
            return False
        if self._is_deaf:
            _log.info("notifications work again")
        self._is_deaf = False
        return heard

    def close(self) -> None:
        """Stop listening."""
        if self._datagrams is not None:
            self._datagrams.close()


def open_queue(url: str) -> "Messages":
    """The queue at `url`; StartupError where it cannot be used."""
    try:
        from .huey_messages import open_messages

        return open_messages(url)
    except ImportError as error:
        raise StartupError(
            f"queue.url needs a package that is not installed ({error}); run: pip install 'aasim[redis]'"
        ) from error
    except sqlite3.DatabaseError as error:
        raise StartupError(
            f"the queue {url.removeprefix('sqlite:///')} cannot be used ({error}); stop API and worker, and delete it: "
            "it only wakes workers, and holds no work",
            exit_code=_STORAGE,
        ) from error
