"""A tool call knows which of its agent's tools it is of, whatever that is called by now."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column; of calls that were proposed before, nobody knows."""
    db.execute_sql("ALTER TABLE executions_toolcall ADD COLUMN tool BIGINT")


def down(migrator: Any, db: Any) -> None:
    """Take it away again."""
    db.execute_sql("ALTER TABLE executions_toolcall DROP COLUMN tool")
