"""API keys tell that they are disabled with whom they act for."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE core_api_key ADD COLUMN suspended_at TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_api_key DROP COLUMN suspended_at")
