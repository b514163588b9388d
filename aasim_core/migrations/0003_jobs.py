"""The job table and the due times of schedules."""

from typing import Any

import peewee

_TABLES = (
    """
    CREATE TABLE core_job (
        id TEXT NOT NULL PRIMARY KEY,
        organization_id TEXT NOT NULL,
        name TEXT NOT NULL,
        plugin TEXT NOT NULL,
        payload TEXT NOT NULL,
        state TEXT NOT NULL,
        delayed BOOLEAN NOT NULL,
        run_at TEXT NOT NULL,
        priority BIGINT NOT NULL,
        attempt BIGINT NOT NULL,
        max_attempts BIGINT NOT NULL,
        crash_count BIGINT NOT NULL,
        unique_key TEXT,
        lease_owner TEXT,
        lease_token TEXT,
        heartbeat_at TEXT,
        error TEXT,
        request_id TEXT,
        actor TEXT NOT NULL,
        created_at TEXT NOT NULL,
        started_at TEXT,
        finished_at TEXT
    )
    """,
    "CREATE INDEX core_job_ready ON core_job (organization_id, priority DESC, run_at, id) WHERE state = 'queued' AND NOT delayed",
    "CREATE INDEX core_job_delayed ON core_job (run_at) WHERE state = 'queued' AND delayed",
    "CREATE UNIQUE INDEX core_job_leased ON core_job (organization_id, name, unique_key) WHERE state = 'running'",
    """
    CREATE UNIQUE INDEX core_job_unique ON core_job (organization_id, name, unique_key)
    WHERE state IN ('queued', 'parked') AND unique_key IS NOT NULL
    """,
    "CREATE INDEX core_job_ended ON core_job (finished_at) WHERE state IN ('done', 'cancelled')",
    "CREATE INDEX core_job_stuck ON core_job (state, id) WHERE state IN ('failed', 'dead', 'parked')",
    """
    CREATE TABLE core_schedule_tick (
        schedule TEXT NOT NULL,
        due_at TEXT NOT NULL,
        PRIMARY KEY (schedule, due_at)
    )
    """,
)

# Every job is changed twice and soon deleted: without this, PostgreSQL would search through thousands of dead rows for the next one.
_CLEAN_EARLY = "ALTER TABLE core_job SET (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_insert_scale_factor = 0.05)"


def up(migrator: Any, db: Any) -> None:
    """Make the tables."""
    for statement in _TABLES:
        db.execute_sql(statement)
    if isinstance(db, peewee.PostgresqlDatabase):
        db.execute_sql(_CLEAN_EARLY)


def down(migrator: Any, db: Any) -> None:
    """Drop the tables."""
    db.execute_sql("DROP TABLE core_schedule_tick")
    db.execute_sql("DROP TABLE core_job")
