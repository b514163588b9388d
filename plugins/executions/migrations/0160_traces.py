"""Where a run is in the trace of whoever started it, so that it goes on there after a wait."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; of former runs it is not known."""
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN traceparent TEXT")


def down(migrator: Any, db: Any) -> None:
    """Drop it."""
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN traceparent")
