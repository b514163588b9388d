"""J7 by hand: a worker that claims jobs in batches, posts their messages over a pool of connections, and forgets each batch in one commit.

A message is signed as the product signs it. What is not taken is not tried again, and nothing is written about any attempt.
"""

import base64
import hmac
import os
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import httpx2
import orjson

from ..contestants import shape
from ..contestants.floor.store import SCHEMA, Row, Store
from ..contestants.floor.work import STORE
from ..contestants.floor.worker import DELETE, work

#: As many as the product's worker has by default.
_THREADS = 16
_KEY = b"thirty-two bytes of a secret key"
INSERT = STORE.prepare("INSERT INTO job (id, execution_id, payload, state, run_at) VALUES (?, ?, ?, 'queued', ?)")


def prepare() -> None:
    """Make the table of jobs."""
    with STORE.write() as execute:
        for statement in SCHEMA:
            if " job" in statement:
                execute(statement, ())


def message() -> Sequence[Any]:
    """A row of the table of jobs, whose payload is as large as the product's message."""
    event_id, at = shape.new_id("evt"), shape.text(datetime.now(UTC))
    data = {
        "id": event_id, "organization_id": shape.READER, "version": 1,
        "actor": {"type": "system", "id": None, "label": "system"}, "subject": {"type": "plugin", "id": None, "label": "Bench"},
        "subject_revision": None, "outcome": "success", "changes": None, "data": {"status": "active"}, "request_id": None,
    }  # fmt: skip
    body = orjson.dumps({"type": "core.plugin_switched", "timestamp": at, "data": data}).decode()
    return shape.new_id("job"), event_id, body, at


def deliver(store: Store, jobs: Sequence[Row]) -> None:
    """Post the messages of the jobs at the same time, and delete the jobs in one commit."""
    list(_POOL.map(_post, jobs))
    with store.write() as execute:
        for job in jobs:
            execute(DELETE, (job[0],))


def _post(job: Row) -> None:
    _, event_id, body = job
    timestamp, content = str(int(time.time())), body.encode()
    signature = hmac.digest(_KEY, f"{event_id}.{timestamp}.".encode() + content, "sha256")
    headers = {
        "webhook-id": event_id, "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(signature).decode()}", "Content-Type": "application/json",
    }  # fmt: skip
    _CLIENT.post(os.environ["BENCH_RECEIVER"], content=content, headers=headers).raise_for_status()


_POOL, _CLIENT = ThreadPoolExecutor(_THREADS), httpx2.Client(trust_env=False, timeout=15)

if __name__ == "__main__":
    work(deliver)
