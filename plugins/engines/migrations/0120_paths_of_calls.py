"""Calls of engines name the step that made them by its path, too."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; of calls that are there already it is not known."""
    db.execute_sql("ALTER TABLE engines_call ADD COLUMN path TEXT")


def down(migrator: Any, db: Any) -> None:
    """Forget it."""
    db.execute_sql("ALTER TABLE engines_call DROP COLUMN path")
