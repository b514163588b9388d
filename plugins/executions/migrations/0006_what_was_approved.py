"""A tool call knows what its tool was, and what the model proposed; an execution, the name of what it runs and its approval."""

from typing import Any

_COLUMNS = (
    ("executions_toolcall", "digest"),
    ("executions_toolcall", "proposed_arguments"),
    ("executions_execution", "label"),
    ("executions_execution", "approval_id"),
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns; of what was there before, nobody knows."""
    for table, column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column} TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take them away again."""
    for table, column in _COLUMNS:
        db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
