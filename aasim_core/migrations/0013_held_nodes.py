"""Nothing begins at places in the tree that are on hold."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE core_node ADD COLUMN held_at TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_node DROP COLUMN held_at")
