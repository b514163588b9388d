"""Notifications as huey messages, in a SQLite file or in Redis. Imported on first use, since importing huey takes 0.1 s."""

from abc import ABC, abstractmethod
from contextlib import suppress
from typing import Any

import orjson
from huey import RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

_NAME = "aasim"
#: How long a sender and a listener wait for the queue.
_SENDING_SECONDS, _LISTENING_SECONDS = 0.5, 10.0
_MOST_MESSAGES = 1000


class Messages(ABC):
    """The queue of notifications at `url`, which is `open_huey`'s. Raises what sqlite3 does, or redis-py."""

    #: Whether the queue supports blocking reads; otherwise it is polled every `look_seconds`.
    blocks: bool
    look_seconds: float

    def __init__(self, url: str) -> None:
        self._sending, task = open_huey(url, wait_seconds=_SENDING_SECONDS)
        self._listening, _ = open_huey(url, wait_seconds=_LISTENING_SECONDS)
        #: All notifications are alike, so one message serves for all.
        self._message = self._sending.serialize_task(task.s())

    @abstractmethod
    def notify(self) -> float:
        """Write a message; returns for how many seconds another one would change nothing."""

    @abstractmethod
    def take(self, seconds: float, most: int) -> bool:
        """Return whether there were messages, consuming up to `most`; waits for one if the queue supports it."""

    def forget(self) -> None:
        """Discard all messages."""
        with suppress(Exception):
            self._listening.storage.flush_queue()

    @abstractmethod
    def close(self) -> None:
        """Close the queue's connections."""


def open_messages(url: str) -> Messages:
    """The queue at `url` (``sqlite:///…`` or ``redis://…``); raises what sqlite3 does, and ImportError without the package for Redis."""
    return InRedis(url) if url.startswith("redis") else InFile(url)


class InFile(Messages):
    """Messages in a SQLite file."""

    blocks, look_seconds = False, 0.2

    def notify(self) -> float:
        self._sending.storage.enqueue(self._message)
        if self._sending.storage.queue_size() > _MOST_MESSAGES:
            self._sending.storage.flush_queue()
        return self.look_seconds

    def take(self, seconds: float, most: int) -> bool:
        taken = 0
        while taken < most and self._listening.storage.dequeue() is not None:
            taken += 1
        return taken > 0

    def close(self) -> None:
        for huey in (self._sending, self._listening):
            huey.storage.close()


class InRedis(Messages):
    """Messages in Redis."""

    blocks, look_seconds = True, 0.0

    def notify(self) -> float:
        storage = self._sending.storage
        if storage.conn.lpush(storage.queue_key, self._message) > _MOST_MESSAGES:
            storage.flush_queue()
        return self.look_seconds

    def take(self, seconds: float, most: int) -> bool:
        storage = self._listening.storage
        with storage.conn.pipeline(transaction=False) as both:
            # Redis blocks forever for a timeout of less than a millisecond.
            both.brpop(storage.queue_key, max(seconds, 0.01)).rpop(storage.queue_key, most - 1)
            return any(both.execute())

    def close(self) -> None:
        for huey in (self._sending, self._listening):
            huey.storage.pool.disconnect()


class JsonSerializer(Serializer):
    """Messages as JSON: writing to the queue must not allow running code, as pickle would."""

    def _serialize(self, data: Any) -> bytes:
        return orjson.dumps(list(data))

    def _deserialize(self, data: bytes) -> Any:
        return Message(*orjson.loads(bytes(data)))


def open_huey(url: str, *, wait_seconds: float) -> tuple[Any, Any]:
    """Return a huey for the queue at `url` (``sqlite:///…`` or ``redis://…``) and its one task; each poll takes at most `wait_seconds`."""
    options: dict[str, Any] = {"results": False, "serializer": JsonSerializer()}
    if url.startswith("redis"):
        huey = RedisHuey(_NAME, connection_pool=_pool(url, wait_seconds), **options)
    else:
        huey = SqliteHuey(
            _NAME, filename=url.removeprefix("sqlite:///"), cache_mb=1, fsync=False, timeout=wait_seconds, **options
        )
    return huey, huey.task(name="notify")(_notify)


def _pool(url: str, wait_seconds: float) -> Any:
    from redis.backoff import NoBackoff
    from redis.connection import ConnectionPool
    from redis.exceptions import ConnectionError as Closed
    from redis.retry import Retry

    # Retried once for a connection that the server has closed; a slow response is not retried.
    retry = Retry(NoBackoff(), 1, supported_errors=(Closed,))
    return ConnectionPool.from_url(url, socket_timeout=wait_seconds, socket_connect_timeout=min(wait_seconds, 1), retry=retry)


def _notify() -> None:
    raise AssertionError("a notification is received, never executed")
