"""Rings as messages of huey's, in a SQLite file or in Redis. Imported when the first ring needs it, for huey takes 0.1 s to import."""

import threading
import time
from contextlib import suppress
from typing import Any, Protocol

import orjson
from huey import RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

_NAME = "aasim"
#: How long one who rings waits for the queue, and how long one who listens does.
_RINGING_SECONDS, _LISTENING_SECONDS = 0.5, 10.0
_MOST_MESSAGES = 1000
#: After so long without a ring the connection for them is looked at before it is used.
_STILL_SECONDS = 1.0


class Messages(Protocol):
    """A queue of rings; `blocks` is whether it can be waited for, or else it is looked into every `look_seconds`."""

    blocks: bool
    look_seconds: float

    def ring(self) -> float:
        """Write a message; returns for how many seconds another one would change nothing."""

    def take(self, seconds: float, most: int) -> bool:
        """Whether there were messages, of which `most` at most are taken, waiting for one if the queue can be waited for."""

    def forget(self) -> None:
        """Throw away all messages."""

    def close(self) -> None:
        """Close what was opened."""


def open_messages(url: str) -> Messages:
    """The queue at `url` (``sqlite:///…`` or ``redis://…``); raises what sqlite3 does, and ImportError without the package for Redis."""
    return InRedis(url) if url.startswith("redis") else InFile(url)


class InFile:
    """Messages in a SQLite file."""

    blocks, look_seconds = False, 0.2

    def __init__(self, url: str) -> None:
        self._ringing, task = open_huey(url, wait_seconds=_RINGING_SECONDS)
        self._listening, _ = open_huey(url, wait_seconds=_LISTENING_SECONDS)
        self._message = self._ringing.serialize_task(task.s())

    def ring(self) -> float:
        self._ringing.storage.enqueue(self._message)
        if self._ringing.storage.queue_size() > _MOST_MESSAGES:
            self._ringing.storage.flush_queue()
        return self.look_seconds

    def take(self, seconds: float, most: int) -> bool:
        taken = 0
        while taken < most and self._listening.storage.dequeue() is not None:
            taken += 1
        return taken > 0

    def forget(self) -> None:
        with suppress(Exception):
            self._listening.storage.flush_queue()

    def close(self) -> None:
        for huey in (self._ringing, self._listening):
            huey.storage.close()


class InRedis:
    """Messages in Redis, over one connection for those who ring and one for who listens: through redis-py's client each takes 0.1 ms.

    Whoever rings does not wait for the answer, which the next one reads. Raises redis-py's errors.
    """

    blocks, look_seconds = True, 0.0

    def __init__(self, url: str) -> None:
        from redis.exceptions import ConnectionError as Closed

        self._closed = Closed
        self._huey, task = open_huey(url, wait_seconds=_RINGING_SECONDS)
        self._line = self._huey.storage.pool.make_connection()
        self._ear = open_huey(url, wait_seconds=_LISTENING_SECONDS)[0].storage.pool.make_connection()
        self._key = self._huey.storage.queue_key
        #: All rings are alike, so that one message serves for all.
        self._command = self._line.pack_command("LPUSH", self._key, self._huey.serialize_task(task.s()))
        self._turn = threading.Lock()
        self._is_unanswered = False
        self._rung_at = 0.0

    def ring(self) -> float:
        if not self._turn.acquire(timeout=_RINGING_SECONDS):
            raise TimeoutError("Redis is slow to answer")
        try:
            waiting = self._send()
        except self._closed:
            self._hang_up()
            waiting = self._send()
        finally:
            self._turn.release()
        if waiting > _MOST_MESSAGES:
            self._huey.storage.flush_queue()
        return 0

    def _send(self) -> int:
        """Put a message into the queue; returns how many had been there after the ring before, or 0."""
        waiting = self._answer()
        self._line.send_packed_command(self._command, check_health=False)
        self._is_unanswered, self._rung_at = True, time.monotonic()
        return waiting

    def _answer(self) -> int:
        """What was answered to the last ring; a connection that has been still for a while may have been closed meanwhile."""
        is_unanswered, self._is_unanswered = self._is_unanswered, False
        waiting = self._line.read_response() if is_unanswered else 0
        if time.monotonic() - self._rung_at > _STILL_SECONDS and self._line.can_read():
            self._hang_up()
        return int(waiting)

    def _hang_up(self) -> None:
        """Close the connection; the next ring opens it again."""
        self._is_unanswered = False
        self._line.disconnect()

    def take(self, seconds: float, most: int) -> bool:
        # Redis waits for ever where it is asked to wait for less than a millisecond.
        commands = ("BRPOP", self._key, max(seconds, 0.01)), ("RPOP", self._key, most - 1)
        self._ear.send_packed_command(self._ear.pack_commands(commands), check_health=False)
        try:
            first, others = self._ear.read_response(), self._ear.read_response()
        except Exception:
            self._ear.disconnect()  # or the answer that was not read would be taken for the next one
            raise
        return bool(first or others)

    def forget(self) -> None:
        with suppress(Exception):
            self._huey.storage.flush_queue()

    def close(self) -> None:
        self._hang_up()
        self._ear.disconnect()
        self._huey.storage.pool.disconnect()


class JsonSerializer(Serializer):
    """Messages as JSON: whoever can write into the queue must not be able to run code, as pickle would let them."""

    def _serialize(self, data: Any) -> bytes:
        return orjson.dumps(list(data))

    def _deserialize(self, data: bytes) -> Any:
        return Message(*orjson.loads(bytes(data)))


def open_huey(url: str, *, wait_seconds: float) -> tuple[Any, Any]:
    """A huey for the queue at `url` (``sqlite:///…`` or ``redis://…``) and its one task; each look takes at most `wait_seconds`."""
    options: dict[str, Any] = {"results": False, "serializer": JsonSerializer()}
    if url.startswith("redis"):
        huey = RedisHuey(_NAME, connection_pool=_pool(url, wait_seconds), **options)
    else:
        huey = SqliteHuey(
            _NAME, filename=url.removeprefix("sqlite:///"), cache_mb=1, fsync=False, timeout=wait_seconds, **options
        )
    return huey, huey.task(name="ring")(_ring)


def _pool(url: str, wait_seconds: float) -> Any:
    from redis.backoff import NoBackoff
    from redis.connection import ConnectionPool
    from redis.retry import Retry

    return ConnectionPool.from_url(
        url, socket_timeout=wait_seconds, socket_connect_timeout=min(wait_seconds, 1), retry=Retry(NoBackoff(), 0)
    )


def _ring() -> None:
    raise AssertionError("a ring is heard, never executed")
