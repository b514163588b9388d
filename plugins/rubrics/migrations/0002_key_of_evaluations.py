"""An evaluation knows the API key that began it, which its runs have too."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; those that were begun before have no key."""
    db.execute_sql("ALTER TABLE rubrics_evaluation ADD COLUMN api_key_id TEXT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE rubrics_evaluation DROP COLUMN api_key_id")
