"""The task of a queue by hand: one prepared statement in a durable commit."""

import os
from datetime import UTC, datetime

from .. import shape
from .store import open_store

STORE = open_store(os.environ["BENCH_DATABASE_URL"])
FINISH = STORE.prepare("UPDATE execution SET status = 'succeeded', output = ?, finished_at = ? WHERE id = ?")


def finish(execution_id: str) -> None:
    """Mark the execution as succeeded."""
    with STORE.write() as execute:
        execute(FINISH, ('"done"', shape.text(datetime.now(UTC)), execution_id))
