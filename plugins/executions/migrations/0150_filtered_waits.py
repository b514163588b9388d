"""A wait for an event that has a filter is found by its topic; that of any other is its correlation."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column, and its index."""
    db.execute_sql("ALTER TABLE executions_wait ADD COLUMN topic TEXT")
    db.execute_sql("CREATE INDEX executions_wait_topic ON executions_wait (organization_id, topic) WHERE topic IS NOT NULL")


def down(migrator: Any, db: Any) -> None:
    """Take both away again; what has a filter waits on until its time is over."""
    db.execute_sql("DROP INDEX executions_wait_topic")
    db.execute_sql("ALTER TABLE executions_wait DROP COLUMN topic")
