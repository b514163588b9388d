"""A job's row tells which write of its worker was the last one: after a lost connection, that is how the worker knows."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE core_job ADD COLUMN last_write TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_job DROP COLUMN last_write")
