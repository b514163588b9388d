"""A process says which migrations its code knows, so that the second half of an upgrade waits for those that know it."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; code from before writes nothing into it."""
    db.execute_sql("ALTER TABLE core_process ADD COLUMN migrations TEXT NOT NULL DEFAULT '{}'")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_process DROP COLUMN migrations")
