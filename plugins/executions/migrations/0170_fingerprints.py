"""Runs that failed alike are found by a fingerprint, which is written when they fail; of former ones there is none."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the column, and its index: with what failures are counted by, so that no run is read for that."""
    db.execute_sql("ALTER TABLE executions_execution ADD COLUMN error_fingerprint TEXT")
    db.execute_sql(
        "CREATE INDEX executions_execution_fingerprint ON executions_execution"
        " (organization_id, error_fingerprint, created_at, id, finished_at, project_id, subject_id, subject_version)"
        " WHERE error_fingerprint IS NOT NULL"
    )


def down(migrator: Any, db: Any) -> None:
    """Drop both."""
    db.execute_sql("DROP INDEX executions_execution_fingerprint")
    db.execute_sql("ALTER TABLE executions_execution DROP COLUMN error_fingerprint")
