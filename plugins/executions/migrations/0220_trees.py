"""What comes of a run is found by it: the runs of its tree, and the approvals that these wait for."""

from typing import Any

_INDEXES = {
    "executions_execution_root": (
        "executions_execution (organization_id, root_id, created_at, id) WHERE root_id IS NOT NULL AND root_id <> id"
    ),
    "executions_wait_approval": "executions_wait (organization_id, root_id) WHERE root_id IS NOT NULL",
}


def up(migrator: Any, db: Any) -> None:
    """Add the column and the indexes."""
    db.execute_sql("ALTER TABLE executions_wait ADD COLUMN root_id TEXT")
    for name, columns in _INDEXES.items():
        db.execute_sql(f"CREATE INDEX {name} ON {columns}")


def down(migrator: Any, db: Any) -> None:
    """Take them away again."""
    for name in _INDEXES:
        db.execute_sql(f"DROP INDEX {name}")
    db.execute_sql("ALTER TABLE executions_wait DROP COLUMN root_id")
