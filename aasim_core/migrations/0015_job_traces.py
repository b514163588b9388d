"""Jobs belong to the distributed trace of the request that caused them."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE core_job ADD COLUMN traceparent TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_job DROP COLUMN traceparent")
