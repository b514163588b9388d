"""API keys name who made them, and so has them: what a key asks for is also asked for by that person."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; who made the keys that are there is not known."""
    db.execute_sql("ALTER TABLE core_api_key ADD COLUMN made_by TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE core_api_key DROP COLUMN made_by")
