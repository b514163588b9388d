"""Steps, tool calls and lines of logs say by a path what they are of; steps also what was asked, in which attempt, and their format."""

from typing import Any

_COLUMNS = (
    ("executions_step", "path", "TEXT"),
    ("executions_step", "attempt", "BIGINT"),
    ("executions_step", "asked", "TEXT"),
    ("executions_step", "format", "BIGINT NOT NULL DEFAULT 0"),
    ("executions_toolcall", "path", "TEXT"),
    ("executions_log", "path", "TEXT"),
)


def up(migrator: Any, db: Any) -> None:
    """Add the columns; what was there before has none of it."""
    for table, column, kind in _COLUMNS:
        db.execute_sql(f"ALTER TABLE {table} ADD COLUMN {column} {kind}")


def down(migrator: Any, db: Any) -> None:
    """Take them away again."""
    for table, column, _ in reversed(_COLUMNS):
        db.execute_sql(f"ALTER TABLE {table} DROP COLUMN {column}")
