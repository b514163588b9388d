"""Sums of six hours that were made while the former code still wrote quarters are made again: it did not know that they were to be."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Begin with them again."""
    db.execute_sql("UPDATE analytics_progress SET six_hours_until = '1970-01-01T00:00:00.000Z'")


def down(migrator: Any, db: Any) -> None:
    """There is nothing to take back."""
