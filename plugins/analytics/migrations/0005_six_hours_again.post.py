"""Make the sums of six hours again: the code of the release before, which wrote quarters until now, did not invalidate them."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Begin with them again."""
    db.execute_sql("UPDATE analytics_progress SET six_hours_until = '1970-01-01T00:00:00.000Z'")


def down(migrator: Any, db: Any) -> None:
    """There is nothing to take back."""
