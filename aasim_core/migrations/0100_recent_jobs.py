"""What has come since a worker's last search is found by its time."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Make the index."""
    db.execute_sql(
        "CREATE INDEX core_job_recent ON core_job (run_at, id) WHERE state = 'queued' AND NOT delayed AND crash_count >= 0"
    )


def down(migrator: Any, db: Any) -> None:
    """Drop it again."""
    db.execute_sql("DROP INDEX core_job_recent")
