"""A run has what the idempotency keys of its effects begin with; for runs of before that is their id."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN effects_as TEXT")


def down(migrator: Any, db: Any) -> None:
    """Drop it."""
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN effects_as")
