"""Since when there are sums of each hour in every view; so far, there were only those since the last day that has its own."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column."""
    db.execute_sql("ALTER TABLE analytics_progress ADD COLUMN all_hours_since TEXT NOT NULL DEFAULT '1970-01-01T00:00:00.000Z'")
    db.execute_sql("UPDATE analytics_progress SET all_hours_since = days_until")


def down(migrator: Any, db: Any) -> None:
    """Drop it."""
    db.execute_sql("ALTER TABLE analytics_progress DROP COLUMN all_hours_since")
