"""Whether the installation is held is recorded; the table may be there already, made by a restore."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Make the table."""
    db.execute_sql("CREATE TABLE IF NOT EXISTS core_installation (id TEXT NOT NULL PRIMARY KEY, held_at TEXT)")


def down(migrator: Any, db: Any) -> None:
    """Drop it again."""
    db.execute_sql("DROP TABLE core_installation")
