"""The answers that are kept for repeated requests."""

from typing import Any

_TABLE = """
CREATE TABLE core_idempotency (
    id TEXT NOT NULL PRIMARY KEY,
    organization_id TEXT NOT NULL,
    principal_id TEXT NOT NULL,
    method TEXT NOT NULL,
    route TEXT NOT NULL,
    payload TEXT NOT NULL,
    status BIGINT NOT NULL,
    headers TEXT NOT NULL,
    body TEXT NOT NULL,
    created_at TEXT NOT NULL
)
"""


def up(migrator: Any, db: Any) -> None:
    """Make the table."""
    db.execute_sql(_TABLE)
    db.execute_sql("CREATE INDEX core_idempotency_created_at ON core_idempotency (created_at)")


def down(migrator: Any, db: Any) -> None:
    """Drop the table."""
    db.execute_sql("DROP TABLE core_idempotency")
