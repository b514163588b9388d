"""Failed runs without a fingerprint are found by an index, which is empty when all have one."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add it."""
    db.execute_sql(
        "CREATE INDEX executions_execution_without_fingerprint ON executions_execution (organization_id, id)"
        " WHERE error_fingerprint IS NULL AND error_code <> 'cancelled'"
    )


def down(migrator: Any, db: Any) -> None:
    """Drop it."""
    db.execute_sql("DROP INDEX executions_execution_without_fingerprint")
