"""A peer of J4: huey on Redis, as its users write it."""

import os
from datetime import UTC, datetime

from huey import RedisHuey

from . import shape
from .floor_store import open_store

huey = RedisHuey("bench", url=os.environ["BENCH_QUEUE_URL"], results=False)
STORE = open_store(os.environ["BENCH_DATABASE_URL"])
FINISH = STORE.prepare("UPDATE execution SET status = 'succeeded', output = ?, finished_at = ? WHERE id = ?")


def finish(execution_id: str) -> None:
    """Mark the execution as succeeded in a durable commit."""
    with STORE.write() as execute:
        execute(FINISH, ('"done"', shape.text(datetime.now(UTC)), execution_id))


@huey.task()
def run(execution_id: str) -> None:
    """The task."""
    finish(execution_id)
