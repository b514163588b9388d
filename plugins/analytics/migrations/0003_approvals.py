"""What was written before approvals were counted is counted again."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Let the next rollup look at everything once more."""
    db.execute_sql("UPDATE analytics_progress SET settled_until = '1970-01-01T00:00:00.000Z'")


def down(migrator: Any, db: Any) -> None:
    """The same: what is written has approvals, which nobody counts then."""
    up(migrator, db)
