"""API keys tell when they were last made anew: so long they may live from then on."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE core_api_key ADD COLUMN rotated_at TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_api_key DROP COLUMN rotated_at")
