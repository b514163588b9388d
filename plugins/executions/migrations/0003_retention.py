"""Runs tell what of them is still kept, and those of which something may be deleted are found by an index."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column and the index."""
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN kept TEXT NOT NULL DEFAULT 'everything'")
    db.execute_sql(
        "CREATE INDEX executions_execution_ended ON executions_execution (organization_id, finished_at)"
        " WHERE kept <> 'no_payload' AND finished_at IS NOT NULL"
    )


def down(migrator: Any, db: Any) -> None:
    """Take both away again."""
    db.execute_sql("DROP INDEX executions_execution_ended")
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN kept")
