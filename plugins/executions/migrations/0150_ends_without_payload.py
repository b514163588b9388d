"""An index of the ends of runs whose payload is deleted: with those of the other stages, all runs are found by their end."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Add the index; a run gets into it when its payload goes, so it costs nothing while runs go on."""
    db.execute_sql(
        "CREATE INDEX executions_execution_without_payload ON executions_execution (organization_id, finished_at)"
        " WHERE retained = 'no_payload' AND finished_at IS NOT NULL"
    )


def down(migrator: Any, db: Any) -> None:
    """Drop the index."""
    db.execute_sql("DROP INDEX executions_execution_without_payload")
