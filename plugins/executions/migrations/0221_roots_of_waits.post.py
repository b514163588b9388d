"""What waits for an approval since before the upgrade is found by its root, too."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Fill in the roots."""
    db.execute_sql(
        "UPDATE executions_wait SET root_id = (SELECT root_id FROM executions_execution WHERE id = execution_id)"
        " WHERE kind = 'approval' AND root_id IS NULL"
    )


def down(migrator: Any, db: Any) -> None:
    """The column goes with the migration before."""
