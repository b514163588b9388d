"""J4's floor: one worker that claims jobs of a bare table in batches and finishes each batch in one durable commit."""

import os
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from .. import shape
from .store import Row, Sqlite, Store
from .work import FINISH, STORE

BATCH = 32
_LOCK = "" if isinstance(STORE, Sqlite) else " FOR UPDATE SKIP LOCKED"
DUE = STORE.prepare(
    f"SELECT id, execution_id, payload FROM job WHERE state = 'queued' AND run_at <= ? ORDER BY run_at LIMIT ?{_LOCK}"
)
CLAIM = STORE.prepare("UPDATE job SET state = 'running' WHERE id = ?")
DELETE = STORE.prepare("DELETE FROM job WHERE id = ?")


def claimed(store: Store) -> Sequence[Row]:
    """The next due jobs, marked as running in one commit."""
    with store.write() as execute:
        jobs: Sequence[Row] = execute(DUE, (shape.text(datetime.now(UTC)), BATCH)).fetchall()
        for job_id, *_ in jobs:
            execute(CLAIM, (job_id,))
    return jobs


def finish(store: Store, jobs: Sequence[Row]) -> None:
    """Mark the executions of `jobs` as succeeded and delete the jobs, in one commit."""
    at = shape.text(datetime.now(UTC))
    with store.write() as execute:
        for job_id, execution_id, _ in jobs:
            execute(FINISH, ('"done"', at, execution_id))
            execute(DELETE, (job_id,))


def work(do: Callable[[Store, Sequence[Row]], None]) -> None:
    """Do jobs until SIGTERM; woken by a datagram, looking by itself every half second."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    bell = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = Path(os.environ["BENCH_BELL"])
    path.unlink(missing_ok=True)
    bell.bind(str(path))
    bell.settimeout(0.5)
    while True:
        while jobs := claimed(STORE):
            do(STORE, jobs)
        try:
            bell.recv(1)
        except TimeoutError:
            continue


if __name__ == "__main__":
    work(finish)
