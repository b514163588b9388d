"""huey as the carrier of rings: JSON messages of one task. Imported when the first ring needs it, for huey takes 0.1 s to import."""

import threading
import time
from typing import Any

import orjson
from huey import RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

_NAME = "aasim"
#: After so long without a ring the connection for them is looked at before it is used.
_STILL_SECONDS = 1.0
#: How long one that rings waits for others of its process that do.
_TURN_SECONDS = 0.5


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


class Line:
    """The connection to Redis over which this process rings; whoever rings does not wait for the answer, which the next one reads.

    `storage` is huey's, and `message` what is put into its queue. A ring takes a third of the time that one through redis-py's client
    does. Raises redis-py's errors.
    """

    def __init__(self, storage: Any, message: bytes) -> None:
        from redis.exceptions import ConnectionError as Closed

        self._closed = Closed
        self._connection = storage.pool.make_connection()
        self._command = self._connection.pack_command("LPUSH", storage.queue_key, message)
        self._turn = threading.Lock()
        self._is_unanswered = False
        self._rung_at = 0.0

    def ring(self) -> int:
        """Put a message into the queue; returns how many had been there after the ring before, or 0."""
        if not self._turn.acquire(timeout=_TURN_SECONDS):
            raise TimeoutError("Redis is slow to answer")
        try:
            return self._send()
        except self._closed:
            self.close()
            return self._send()
        finally:
            self._turn.release()

    def _send(self) -> int:
        waiting = self._answer()
        self._connection.send_packed_command(self._command, check_health=False)
        self._is_unanswered, self._rung_at = True, time.monotonic()
        return waiting

    def _answer(self) -> int:
        """What was answered to the last ring; a connection that has been still for a while may have been closed meanwhile."""
        waiting = self._connection.read_response() if self._is_unanswered else 0
        self._is_unanswered = False
        if time.monotonic() - self._rung_at > _STILL_SECONDS and self._connection.can_read():
            self.close()
        return int(waiting)

    def close(self) -> None:
        """Close the connection; the next ring opens it again."""
        self._is_unanswered = False
        self._connection.disconnect()


def _pool(url: str, wait_seconds: float) -> Any:
    from redis.backoff import NoBackoff
    from redis.connection import ConnectionPool
    from redis.retry import Retry

    return ConnectionPool.from_url(
        url, socket_timeout=wait_seconds, socket_connect_timeout=min(wait_seconds, 1), retry=Retry(NoBackoff(), 0)
    )


def _ring() -> None:
    raise AssertionError("a ring is heard, never executed")
