"""Places in the tree can be archived."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE core_node ADD COLUMN archived_at TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_node DROP COLUMN archived_at")
