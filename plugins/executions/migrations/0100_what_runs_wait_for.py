"""A run's row holds its whole state; what it waits for, and what came for it, are rows of their own."""

from typing import Any

from peewee import BooleanField, CompositeKey, Model, TextField

_COLUMNS = (
    ("key", "TEXT"),
    ("job", "BIGINT NOT NULL DEFAULT 0"),
    ("turn", "BIGINT NOT NULL DEFAULT 0"),
    ("deadline_at", "TEXT"),
    ("ending", "TEXT"),
    ("stop_by", "TEXT"),
    ("is_paused", "BOOLEAN NOT NULL DEFAULT FALSE"),
    ("is_woken", "BOOLEAN NOT NULL DEFAULT FALSE"),
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns, the index of keys, and the two tables."""
    for name, kind in _COLUMNS:
        db.execute_sql(f"ALTER TABLE executions_execution ADD COLUMN {name} {kind}")
    db.execute_sql(
        "CREATE UNIQUE INDEX executions_execution_key ON executions_execution (organization_id, key) WHERE key IS NOT NULL"
    )

    class Wait(Model):
        organization_id = TextField()
        execution_id = TextField()
        path = TextField()
        kind = TextField()
        correlation = TextField()
        since = TextField()
        deadline = TextField(null=True)
        fails_run = BooleanField()

        class Meta:
            database = db
            table_name = "executions_wait"
            primary_key = CompositeKey("organization_id", "execution_id", "path")

    class Arrival(Model):
        organization_id = TextField()
        execution_id = TextField()
        key = TextField()
        kind = TextField()
        correlation = TextField()
        occurred_at = TextField()
        status = TextField()
        data = TextField(null=True)
        is_delivered = BooleanField()
        path = TextField(null=True)

        class Meta:
            database = db
            table_name = "executions_arrival"
            primary_key = CompositeKey("organization_id", "execution_id", "key")

    db.create_tables([Wait, Arrival])
    db.execute_sql("CREATE INDEX executions_wait_event ON executions_wait (organization_id, correlation) WHERE kind = 'event'")


def down(migrator: Any, db: Any) -> None:
    """Take everything away again; runs that wait go on with the release before, which knows only their columns."""
    for table in ("executions_arrival", "executions_wait"):
        db.execute_sql(f"DROP TABLE {table}")
    db.execute_sql("DROP INDEX executions_execution_key")
    for name, _ in reversed(_COLUMNS):
        db.execute_sql(f"ALTER TABLE executions_execution DROP COLUMN {name}")
