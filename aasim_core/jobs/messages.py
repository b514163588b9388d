"""huey as the carrier of rings: JSON messages of one task. Imported when the first ring needs it, for huey takes 0.1 s to import."""

from typing import Any

import orjson
from huey import RedisHuey, SqliteHuey
from huey.registry import Message
from huey.serializer import Serializer

_NAME = "aasim"


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
