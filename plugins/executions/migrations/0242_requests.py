"""A run has the id of the request that started it; its turns are of that request, not of one that continues it."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN request_id TEXT")


def down(migrator: Any, db: Any) -> None:
    """Drop it."""
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN request_id")
