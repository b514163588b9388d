"""Only runs that another one waits for are in the index of those: of all others, each write had a part in it."""

from typing import Any


def up(migrator: Any, db: Any) -> None:
    """Make the index anew."""
    db.execute_sql("DROP INDEX executions_execution_organization_id_parent_id")
    db.execute_sql(
        "CREATE INDEX executions_execution_children ON executions_execution (organization_id, parent_id)"
        " WHERE parent_id IS NOT NULL"
    )


def down(migrator: Any, db: Any) -> None:
    """Make the former one again."""
    db.execute_sql("DROP INDEX executions_execution_children")
    db.execute_sql(
        "CREATE INDEX executions_execution_organization_id_parent_id ON executions_execution (organization_id, parent_id)"
    )
