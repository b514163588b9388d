"""A run has the plugin that runs its kind, so that a worker without it leaves the run to others."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; runs of before have none, and any worker takes them."""
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN plugin TEXT")


def down(migrator: Any, db: Any) -> None:
    """Drop it."""
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN plugin")
