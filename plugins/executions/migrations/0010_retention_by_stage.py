"""Each stage of retention has an index of the runs that it has not reached yet: a stage no longer goes over what it has done."""

from typing import Any

_STAGES = (("with_log", "everything"), ("without_log", "no_log"))


def up(migrator: Any, db: Any) -> None:
    """Replace the one index by one for each stage."""
    for name, kept in _STAGES:
        db.execute_sql(
            f"CREATE INDEX executions_execution_{name} ON executions_execution (organization_id, finished_at)"
            f" WHERE kept = '{kept}' AND finished_at IS NOT NULL"
        )
    db.execute_sql("DROP INDEX executions_execution_ended")


def down(migrator: Any, db: Any) -> None:
    """Make the one index again."""
    db.execute_sql(
        "CREATE INDEX executions_execution_ended ON executions_execution (organization_id, finished_at)"
        " WHERE kept <> 'no_payload' AND finished_at IS NOT NULL"
    )
    for name, _ in _STAGES:
        db.execute_sql(f"DROP INDEX executions_execution_{name}")
