"""A peer of J4: Celery on Redis, as its users write it."""

import os
from datetime import UTC, datetime

from celery import Celery

from . import shape
from .floor_store import open_store

app = Celery("bench", broker=os.environ["BENCH_QUEUE_URL"])
app.conf.task_ignore_result = True
STORE = open_store(os.environ["BENCH_DATABASE_URL"])
FINISH = STORE.prepare("UPDATE execution SET status = 'succeeded', output = ?, finished_at = ? WHERE id = ?")


@app.task(name="bench.run")  # type: ignore[untyped-decorator]
def run(execution_id: str) -> None:
    """Mark the execution as succeeded in a durable commit."""
    with STORE.write() as execute:
        execute(FINISH, ('"done"', shape.text(datetime.now(UTC)), execution_id))
