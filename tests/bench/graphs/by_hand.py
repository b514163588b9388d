"""J5 to J6 by hand: `python -m tests.bench.graphs.by_hand` works, and with `prepare` makes the database.

The input of a run names the job. The worker claims jobs in batches, counts what is over of each run, adds the jobs that follow, and
forgets each batch in one commit. Nothing is written about any job, and no run can be looked at.
"""

import json
import os
import sys
from collections.abc import Sequence
from datetime import UTC, datetime

from ..contestants import shape
from ..contestants.floor.seed import seed
from ..contestants.floor.store import Execute, Row, Store
from ..contestants.floor.work import FINISH, STORE
from ..contestants.floor.worker import DELETE, work
from .jobs import JOBS

_TABLE = "CREATE TABLE progress (execution_id TEXT PRIMARY KEY, job TEXT, stage INTEGER, begun INTEGER, over INTEGER)"
_NAME = STORE.prepare("SELECT input FROM execution WHERE id = ?")
_BEGIN = STORE.prepare("INSERT INTO progress VALUES (?, ?, -1, 1, 0)")
_COUNT = STORE.prepare("UPDATE progress SET over = over + 1 WHERE execution_id = ? RETURNING job, stage, begun, over")
_FURTHER = STORE.prepare("UPDATE progress SET stage = ?, begun = ?, over = ? WHERE execution_id = ?")
_INSERT = STORE.prepare("INSERT INTO job (id, execution_id, payload, state, run_at) VALUES (?, ?, ?, 'queued', ?)")
_FIRST, _LATER = "{}", '{"text": "Hello"}'


def prepare() -> None:
    """Make the tables."""
    seed(os.environ["BENCH_DATABASE_URL"])
    with STORE.write() as execute:
        execute(_TABLE, ())


def go_on(store: Store, jobs: Sequence[Row]) -> None:
    """Do the jobs, and add what follows, in one commit."""
    with store.write() as execute:
        for job_id, execution_id, payload in jobs:
            if payload == _FIRST:
                [[name]] = execute(_NAME, (execution_id,)).fetchall()
                execute(_BEGIN, (execution_id, json.loads(name)))
            _follow(execute, execution_id)
            execute(DELETE, (job_id,))


def _follow(execute: Execute, execution_id: str) -> None:
    at = shape.text(datetime.now(UTC))
    [[job, stage, begun, over]] = execute(_COUNT, (execution_id,)).fetchall()
    stages = JOBS[job].stages
    size, at_once = (1, 1) if stage < 0 else stages[stage]
    if over == size:
        stage, begun, over = stage + 1, 0, 0
        if stage == len(stages):
            execute(FINISH, ('"done"', at, execution_id))
            return
        size, at_once = stages[stage]
    wanted = min(size - begun, at_once - (begun - over))
    for _ in range(wanted):
        execute(_INSERT, (shape.new_id("job"), execution_id, _LATER, at))
    execute(_FURTHER, (stage, begun + wanted, over, execution_id))


if __name__ == "__main__":
    if sys.argv[1:] == ["prepare"]:
        prepare()
    else:
        work(go_on)
