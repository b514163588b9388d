"""Up to when there are sums of six hours."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE analytics_progress ADD COLUMN six_hours_until TEXT NOT NULL DEFAULT '1970-01-01T00:00:00.000Z'")


def down(migrator: Any, db: Any) -> None:
    """Drop it, and the sums."""
    db.execute_sql("ALTER TABLE analytics_progress DROP COLUMN six_hours_until")
    db.execute_sql("DELETE FROM analytics_sum WHERE level = 'six_hours'")
